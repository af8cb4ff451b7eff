/**
 * 16-bit tiles to RGBA by tables, per channel 65,536 bytes (window and gamma) and 256 colours; several channels are added.
 *
 * For adding, red, green and blue lie in lanes of ten bits, so that four channels take three additions and three
 * look-ups that clamp.
 */
import { colourSteps } from "./colour_maps";
import type { ChannelView } from "./interface";

const N = 65536;
const OPAQUE = 0xff000000 | 0;

/** min(sum, 255) for the sum of up to four bytes. */
const CLAMP = new Uint8Array(1024).map((_, i) => Math.min(i, 255));

/** How a channel is shown, as far as its table depends on it. */
export type Window = Pick<ChannelView, "low" | "high" | "gamma" | "map" | "colour">;

/** Which of 256 steps each tile value takes; a window of no width is a step from dark to bright. */
export function windowSteps(low: number, high: number, gamma: number): Uint8Array {
  const steps = new Uint8Array(N);
  const from = Math.max(0, Math.min(N, Math.floor(low) + 1));
  const to = Math.max(from, Math.min(N, Math.ceil(high)));
  steps.fill(255, to);
  if (to <= from) return steps;
  const width = high - low;
  if (gamma === 1 || !(gamma > 0)) {
    for (let v = from; v < to; v++) steps[v] = ((v - low) * 255) / width + 0.5;
  } else {
    for (let v = from; v < to; v++) steps[v] = 255 * ((v - low) / width) ** gamma + 0.5;
  }
  return steps;
}

/** Tables of one channel; made anew only when what they depend on has changed. */
export class ChannelTable {
  private made = "";
  private window = "";
  /** Tile value -> one of 256 steps. Bytes, so that the tables of four channels stay in the processor's cache. */
  steps: Uint8Array = new Uint8Array(0);
  /** Step -> RGBA pixel (little-endian). */
  readonly pixels = new Uint32Array(256);
  /** Step -> red, green and blue in lanes of ten bits. */
  readonly lanes = new Uint32Array(256);

  /** Take over a window; returns whether anything changed. */
  set(view: Window): boolean {
    const window = `${view.low} ${view.high} ${view.gamma}`;
    const made = `${window} ${view.map} ${view.map === "tint" ? view.colour : ""}`;
    if (made === this.made) return false;
    this.made = made;
    if (window !== this.window) this.steps = windowSteps(view.low, view.high, view.gamma);
    this.window = window;
    const colours = colourSteps(view.map, view.colour);
    for (let i = 0; i < 256; i++) {
      const [r, g, b] = [colours[i * 3]!, colours[i * 3 + 1]!, colours[i * 3 + 2]!];
      this.pixels[i] = OPAQUE | (b << 16) | (g << 8) | r;
      this.lanes[i] = (b << 20) | (g << 10) | r;
    }
    return true;
  }
}

/** A channel of a tile: its values (null: all zero) and its table. */
export interface Part {
  values: Uint16Array | null;
  table: ChannelTable;
}

function clampLanes(sum: number): number {
  return (CLAMP[sum & 1023]! | (CLAMP[(sum >>> 10) & 1023]! << 10) | (CLAMP[sum >>> 20]! << 20)) >>> 0;
}

/** Write the colours of a tile: `out` holds one RGBA pixel per value. Without channels it is black. */
export function colourTile(parts: readonly Part[], out: Uint32Array): void {
  const full = parts.filter((part) => part.values !== null);
  // channels of nothing but zeros add the same colour to every pixel
  let rest = 0;
  for (const { values, table } of parts) if (values === null) rest = clampLanes(rest + table.lanes[table.steps[0]!]!);
  const [first] = full;
  if (!first) {
    out.fill(OPAQUE | ((rest >>> 20) << 16) | (((rest >>> 10) & 255) << 8) | (rest & 255));
  } else if (full.length === 1 && rest === 0) {
    const { steps, pixels } = first.table;
    const values = first.values!;
    for (let i = 0; i < out.length; i++) out[i] = pixels[steps[values[i]!]!]!;
  } else if (full.length <= 4 && rest === 0) {
    addUpToFour(full, out);
  } else {
    addMany(full, rest, out);
  }
}

/** The usual case in one pass: two to four channels. */
function addUpToFour(parts: Part[], out: Uint32Array): void {
  const n = out.length;
  const clamp = CLAMP;
  const [a, b, c, d] = parts.map(({ table }) => table.steps) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  const [p, q, r, s] = parts.map(({ table }) => table.lanes) as [Uint32Array, Uint32Array, Uint32Array, Uint32Array];
  const [v, w, x, y] = parts.map(({ values }) => values) as [Uint16Array, Uint16Array, Uint16Array, Uint16Array];
  if (parts.length === 2) {
    for (let i = 0; i < n; i++) {
      const sum = p[a[v[i]!]!]! + q[b[w[i]!]!]!;
      out[i] = OPAQUE | (clamp[sum >>> 20]! << 16) | (clamp[(sum >>> 10) & 1023]! << 8) | clamp[sum & 1023]!;
    }
  } else if (parts.length === 3) {
    for (let i = 0; i < n; i++) {
      const sum = p[a[v[i]!]!]! + q[b[w[i]!]!]! + r[c[x[i]!]!]!;
      out[i] = OPAQUE | (clamp[sum >>> 20]! << 16) | (clamp[(sum >>> 10) & 1023]! << 8) | clamp[sum & 1023]!;
    }
  } else {
    for (let i = 0; i < n; i++) {
      const sum = p[a[v[i]!]!]! + q[b[w[i]!]!]! + r[c[x[i]!]!]! + s[d[y[i]!]!]!;
      out[i] = OPAQUE | (clamp[sum >>> 20]! << 16) | (clamp[(sum >>> 10) & 1023]! << 8) | clamp[sum & 1023]!;
    }
  }
}

/** Any number of channels, one after the other, clamped after each. */
function addMany(parts: Part[], start: number, out: Uint32Array): void {
  const n = out.length;
  out.fill(start);
  for (const { values, table } of parts) {
    const { steps, lanes } = table;
    for (let i = 0; i < n; i++) out[i] = clampLanes(out[i]! + lanes[steps[values![i]!]!]!);
  }
  for (let i = 0; i < n; i++) {
    const sum = out[i]!;
    out[i] = OPAQUE | ((sum >>> 20) << 16) | (((sum >>> 10) & 255) << 8) | (sum & 255);
  }
}
