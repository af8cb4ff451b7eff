/**
 * Tiles of labels, masks and classes to RGBA.
 *
 * A tile knows its own few labels: the pixels hold places in that list, so a change of colours, filter or highlight
 * makes a short table per tile and one pass over bytes, however large the labels are. Tiles have one pixel more on every
 * side, so an outline that runs along a tile border is found on both sides of it.
 *
 * Outlines must not fade when the picture is shown small: such tiles are first brought to the size that they have on
 * screen (`screenTile`), and their lines are drawn there, two screen pixels wide.
 */
import type { OverlayView } from "./interface";
import { DOUBTFUL, labelColour, labelPixel, packPixel } from "./palette";

/** Width of the frame that tiles of labels, masks and classes bring along. */
export const HALO = 1;
/** Opacity of the area, of 255, when its outline is drawn too. */
const FILL_WITH_OUTLINE = 90;
const DOUBTFUL_PIXEL = packPixel(DOUBTFUL);
const RIM_PIXEL = packPixel("#000000", 170);

export interface LabelTile {
  /** Size without the frame. */
  rows: number;
  columns: number;
  /** Place in `labels` of every pixel, frame included, row by row. */
  places: Uint8Array | Uint16Array | Uint32Array;
  /** The labels of the tile and its frame; the first is 0, the background. */
  labels: number[];
  /** Pixels of each label, where small objects need care. */
  areas?: Uint32Array;
}

/** Objects of fewer screen pixels keep all of theirs: their line runs around them. */
const SMALL = 40;

/** How a tile is painted. */
export type Look = Pick<OverlayView, "style" | "colours" | "only" | "doubtful" | "rim"> & { kind: "labels" | "mask" | "classes" };

let scratch = new Uint32Array(0);

/** Read a tile of labels; `bytes` are uint32, frame included. */
export function readLabels(bytes: ArrayBuffer, rows: number, columns: number): LabelTile {
  const values = new Uint32Array(bytes);
  const n = values.length;
  if (scratch.length < n) scratch = new Uint32Array(n);
  const places = scratch.subarray(0, n);
  const labels = [0];
  const known = new Map<number, number>([[0, 0]]);
  let last = 0;
  let place = 0;
  for (let i = 0; i < n; i++) {
    const value = values[i]!;
    if (value !== last) {
      last = value;
      const found = known.get(value);
      if (found === undefined) {
        place = labels.length;
        labels.push(value);
        known.set(value, place);
      } else place = found;
    }
    places[i] = place;
  }
  const small = labels.length <= 256 ? new Uint8Array(places) : labels.length <= 65536 ? new Uint16Array(places) : places.slice();
  return { rows, columns, places: small, labels };
}

const BYTES = Array.from({ length: 256 }, (_, i) => i);

/** Read a tile of a mask or of classes; `bytes` are uint8, frame included. Any value of a mask means "inside". */
export function readClasses(bytes: ArrayBuffer, rows: number, columns: number): LabelTile {
  return { rows, columns, places: new Uint8Array(bytes), labels: BYTES };
}

/** The label at a pixel of the tile, counted without the frame. */
export function labelIn(tile: LabelTile, row: number, column: number): number {
  const place = tile.places[(row + HALO) * (tile.columns + 2 * HALO) + column + HALO];
  return place === undefined ? 0 : tile.labels[place]!;
}

/**
 * A tile as it is on screen, not larger than it is: each pixel takes the label in its middle. A label that no middle
 * meets keeps one pixel, so that nothing is lost by looking from afar.
 */
export function screenTile(tile: LabelTile, rows: number, columns: number): LabelTile {
  const stride = tile.columns + 2 * HALO;
  const source = (at: number, shown: number, side: number): number =>
    HALO + Math.min(side, Math.max(-1, Math.floor(((at - HALO + 0.5) * side) / shown)));
  const ys = Array.from({ length: rows + 2 * HALO }, (_, at) => source(at, rows, tile.rows) * stride);
  const xs = Int32Array.from({ length: columns + 2 * HALO }, (_, at) => source(at, columns, tile.columns));
  const Places = tile.places.constructor as Uint32ArrayConstructor;
  const places: LabelTile["places"] = new Places(ys.length * xs.length);
  const areas = new Uint32Array(tile.labels.length);
  let o = 0;
  for (const row of ys) {
    for (let at = 0; at < xs.length; at++) {
      const place = tile.places[row + xs[at]!]!;
      places[o++] = place;
      areas[place]!++;
    }
  }
  const lost = new Uint8Array(areas.length);
  for (let place = 1; place < areas.length; place++) lost[place] = areas[place] ? 0 : 1;
  if (lost.includes(1)) {
    for (let i = 0; i < tile.places.length; i++) {
      const place = tile.places[i]!;
      if (!lost[place]) continue;
      const [y, x] = [Math.floor(i / stride) - HALO, (i % stride) - HALO];
      const on = (Math.floor(((y + 0.5) * rows) / tile.rows) + HALO) * xs.length + Math.floor(((x + 0.5) * columns) / tile.columns) + HALO;
      lost[place] = 0;
      areas[place] = 1;
      if (on >= 0 && on < places.length) places[on] = place;
    }
  }
  return { rows, columns, places, labels: tile.labels, areas };
}

/** The colour of each of the tile's labels, 0 where it is not drawn. */
function colourTable(tile: LabelTile, look: Look, among: ReadonlySet<number> | null): Uint32Array {
  const table = new Uint32Array(tile.labels.length);
  const { only, colours } = look;
  for (let place = 1; place < table.length; place++) {
    const label = look.kind === "mask" ? 1 : tile.labels[place]!;
    if (only && !only.has(label)) continue;
    if (among && !among.has(label)) continue;
    const own = colours?.[label];
    table[place] = own === undefined ? labelPixel(label) : packPixel(own);
  }
  return table;
}

/** The doubtful ones among the tile's labels, or null when there are none. */
function doubtTable(tile: LabelTile, look: Look, colours: Uint32Array): Uint8Array | null {
  if (!look.doubtful?.size || look.kind !== "labels") return null;
  const table = new Uint8Array(tile.labels.length);
  let any = false;
  for (let place = 1; place < table.length; place++) {
    if (!colours[place] || !look.doubtful.has(tile.labels[place]!)) continue;
    table[place] = 1;
    any = true;
  }
  return any ? table : null;
}

/**
 * Paint a tile into `out`, one RGBA pixel per pixel of the tile without its frame; returns whether anything is drawn.
 *
 * Outlines are one pixel wide and inside the objects; with `wide`, for pixels that are small on screen, there is one more
 * pixel outside. Doubtful objects have twice as much.
 */
export function paintTile(
  tile: LabelTile,
  look: Look,
  out: Uint32Array,
  among: ReadonlySet<number> | null = null,
  wide = false,
): boolean {
  const colours = colourTable(tile, look, among);
  if (!colours.some((colour) => colour !== 0)) {
    out.fill(0);
    return false;
  }
  const areas = new Uint32Array(colours.length);
  const lines = look.style === "fill" ? areas : colours;
  const alpha = look.style === "fill" ? 255 : look.style === "both" ? FILL_WITH_OUTLINE : 0;
  for (let i = 0; i < areas.length; i++) areas[i] = colours[i] && alpha ? ((alpha << 24) | (colours[i]! & 0xffffff)) >>> 0 : 0;
  if (look.style === "fill") {
    fillAreas(tile, areas, out);
    if (look.rim) drawRims(tile, areas, out);
  }
  else if (wide) drawWideLines(tile, areas, lines, out);
  else drawLines(tile, areas, lines, out);
  const doubtful = doubtTable(tile, look, colours);
  if (doubtful) drawDoubtful(tile, doubtful, out, wide ? 2 : 1);
  return true;
}

function fillAreas(tile: LabelTile, areas: Uint32Array, out: Uint32Array): void {
  const { places, rows, columns } = tile;
  const stride = columns + 2 * HALO;
  for (let row = 0, o = 0; row < rows; row++) {
    let i = (row + HALO) * stride + HALO;
    for (let column = 0; column < columns; column++, i++, o++) out[o] = areas[places[i]!]!;
  }
}

/** A dark line around what is filled, on the background side: no filled pixel is covered. */
function drawRims(tile: LabelTile, areas: Uint32Array, out: Uint32Array): void {
  const { places, rows, columns } = tile;
  const stride = columns + 2 * HALO;
  for (let row = 0, o = 0; row < rows; row++) {
    let i = (row + HALO) * stride + HALO;
    for (let column = 0; column < columns; column++, i++, o++) {
      if (areas[places[i]!]) continue;
      if (areas[places[i - 1]!] || areas[places[i + 1]!] || areas[places[i - stride]!] || areas[places[i + stride]!]) out[o] = RIM_PIXEL;
    }
  }
}

function drawLines(tile: LabelTile, areas: Uint32Array, lines: Uint32Array, out: Uint32Array): void {
  const { places, rows, columns } = tile;
  const stride = columns + 2 * HALO;
  for (let row = 0, o = 0; row < rows; row++) {
    let i = (row + HALO) * stride + HALO;
    for (let column = 0; column < columns; column++, i++, o++) {
      const place = places[i]!;
      if (place === 0) {
        out[o] = 0;
        continue;
      }
      const inside =
        places[i - 1] === place && places[i + 1] === place && places[i - stride] === place && places[i + stride] === place;
      out[o] = inside ? areas[place]! : lines[place]!;
    }
  }
}

/** Lines on both sides of the borders; around small objects only outside, so that they are seen. */
function drawWideLines(tile: LabelTile, areas: Uint32Array, lines: Uint32Array, out: Uint32Array): void {
  const { places, rows, columns } = tile;
  const stride = columns + 2 * HALO;
  const small = Uint8Array.from(lines, (_, place) => ((tile.areas?.[place] ?? SMALL) < SMALL ? 1 : 0));
  for (let row = 0, o = 0; row < rows; row++) {
    let i = (row + HALO) * stride + HALO;
    for (let column = 0; column < columns; column++, i++, o++) {
      const place = places[i]!;
      const left = places[i - 1]!;
      const right = places[i + 1]!;
      const up = places[i - stride]!;
      const down = places[i + stride]!;
      if (left === place && right === place && up === place && down === place) out[o] = areas[place]!;
      else if (!lines[place]) out[o] = lines[left]! || lines[right]! || lines[up]! || lines[down]!;
      else if (!small[place]) out[o] = lines[place]!;
      else {
        const alone = (place === left || !left) && (place === right || !right) && (place === up || !up) && (place === down || !down);
        out[o] = alone ? areas[place]! : lines[place]!;
      }
    }
  }
}

/** Lines of `reach` pixels on both sides; beyond the frame of the tile its outermost pixels count. */
function drawDoubtful(tile: LabelTile, doubtful: Uint8Array, out: Uint32Array, reach: 1 | 2): void {
  const { places, rows, columns } = tile;
  const stride = columns + 2 * HALO;
  const near = new Int32Array(4 * reach);
  for (let row = 0, o = 0; row < rows; row++) {
    let i = (row + HALO) * stride + HALO;
    for (let column = 0; column < columns; column++, i++, o++) {
      const place = places[i]!;
      near[0] = -1;
      near[1] = 1;
      near[2] = -stride;
      near[3] = stride;
      if (reach === 2) {
        near[4] = column > 0 ? -2 : -1;
        near[5] = column < columns - 1 ? 2 : 1;
        near[6] = row > 0 ? -2 * stride : -stride;
        near[7] = row < rows - 1 ? 2 * stride : stride;
      }
      const own = doubtful[place]!;
      for (let at = 0; at < near.length; at++) {
        const other = places[i + near[at]!]!;
        if (other === place || !(own || doubtful[other])) continue;
        out[o] = DOUBTFUL_PIXEL;
        break;
      }
    }
  }
}

/** "#rrggbb" that a label or class has in an overlay. */
export function colourOf(look: Pick<Look, "colours">, label: number): string {
  return look.colours?.[label] ?? labelColour(label);
}
