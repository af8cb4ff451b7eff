/**
 * 16-bit tiles to RGBA: one table of 65,536 entries per channel, colours of several channels are added.
 *
 * With one channel the table holds the pixel itself. With several it holds red, green and blue in lanes of ten bits, so
 * that four channels are added with three additions and clamped with three look-ups.
 */
import { colourSteps } from "./colour_maps";
import type { ChannelView } from "./interface";

const N = 65536;
const OPAQUE = 0xff000000;

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
  private steps: Uint8Array = new Uint8Array(0);
  private colours: Uint8Array = new Uint8Array(0);
  private pixels: Uint32Array | null = null;
  private lanes: Uint32Array | null = null;

  /** Take over a window; returns whether anything changed. */
  set(view: Window): boolean {
    const made = [view.low, view.high, view.gamma, view.map, view.map === "tint" ? view.colour : ""].join(" ");
    if (made === this.made) return false;
    this.made = made;
    this.steps = windowSteps(view.low, view.high, view.gamma);
    this.colours = colourSteps(view.map, view.colour);
    this.pixels = this.lanes = null;
    return true;
  }

  /** Tile value -> RGBA pixel (little-endian). */
  asPixels(): Uint32Array {
    return (this.pixels ??= this.table((r, g, b) => (OPAQUE | (b << 16) | (g << 8) | r) >>> 0));
  }

  /** Tile value -> red, green and blue in lanes of ten bits. */
  asLanes(): Uint32Array {
    return (this.lanes ??= this.table((r, g, b) => (b << 20) | (g << 10) | r));
  }

  private table(pack: (r: number, g: number, b: number) => number): Uint32Array {
    const packed = new Uint32Array(256);
    const { colours, steps } = this;
    for (let i = 0; i < 256; i++) packed[i] = pack(colours[i * 3]!, colours[i * 3 + 1]!, colours[i * 3 + 2]!);
    const table = new Uint32Array(N);
    for (let v = 0; v < N; v++) table[v] = packed[steps[v]!]!;
    return table;
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
  const n = out.length;
  const full = parts.filter((part) => part.values !== null);
  // channels of nothing but zeros add the same colour to every pixel
  let rest = 0;
  for (const part of parts) if (part.values === null) rest = clampLanes(rest + part.table.asLanes()[0]!);
  const [a, b, c, d] = full;
  if (!a?.values) {
    out.fill((OPAQUE | (rest >>> 20 << 16) | (((rest >>> 10) & 255) << 8) | (rest & 255)) >>> 0);
    return;
  }
  if (!b && rest === 0) {
    const table = a.table.asPixels();
    const values = a.values;
    for (let i = 0; i < n; i++) out[i] = table[values[i]!]!;
    return;
  }
  if (rest === 0 && full.length <= 4 && b?.values) {
    addUpToFour(a, b, c, d, out);
    return;
  }
  out.fill(rest);
  for (const part of full) {
    const table = part.table.asLanes();
    const values = part.values!;
    for (let i = 0; i < n; i++) out[i] = clampLanes(out[i]! + table[values[i]!]!);
  }
  for (let i = 0; i < n; i++) {
    const sum = out[i]!;
    out[i] = OPAQUE | (sum >>> 20 << 16) | (((sum >>> 10) & 255) << 8) | (sum & 255);
  }
}

/** The usual case in one pass: two to four channels. */
function addUpToFour(a: Part, b: Part, c: Part | undefined, d: Part | undefined, out: Uint32Array): void {
  const n = out.length;
  const clamp = CLAMP;
  const [ta, va] = [a.table.asLanes(), a.values!];
  const [tb, vb] = [b.table.asLanes(), b.values!];
  if (!c) {
    for (let i = 0; i < n; i++) {
      const sum = ta[va[i]!]! + tb[vb[i]!]!;
      out[i] = OPAQUE | (clamp[sum >>> 20]! << 16) | (clamp[(sum >>> 10) & 1023]! << 8) | clamp[sum & 1023]!;
    }
    return;
  }
  const [tc, vc] = [c.table.asLanes(), c.values!];
  if (!d) {
    for (let i = 0; i < n; i++) {
      const sum = ta[va[i]!]! + tb[vb[i]!]! + tc[vc[i]!]!;
      out[i] = OPAQUE | (clamp[sum >>> 20]! << 16) | (clamp[(sum >>> 10) & 1023]! << 8) | clamp[sum & 1023]!;
    }
    return;
  }
  const [td, vd] = [d.table.asLanes(), d.values!];
  for (let i = 0; i < n; i++) {
    const sum = ta[va[i]!]! + tb[vb[i]!]! + tc[vc[i]!]! + td[vd[i]!]!;
    out[i] = OPAQUE | (clamp[sum >>> 20]! << 16) | (clamp[(sum >>> 10) & 1023]! << 8) | clamp[sum & 1023]!;
  }
}
