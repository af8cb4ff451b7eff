/**
 * Tiles of labels, masks and classes to RGBA.
 *
 * A tile knows its own few labels: the pixels hold places in that list, so a change of colours, filter or highlight
 * makes a short table per tile and one pass over bytes, however large the labels are. Tiles have one pixel more on every
 * side, so an outline that runs along a tile border is found on both sides of it.
 */
import type { OverlayView } from "./interface";
import { DOUBTFUL, labelColour, labelPixel, packPixel } from "./palette";

/** Width of the frame that tiles of labels, masks and classes bring along. */
export const HALO = 1;
/** Opacity of the area, of 255, when its outline is drawn too. */
const FILL_WITH_OUTLINE = 90;
const DOUBTFUL_PIXEL = packPixel(DOUBTFUL);

export interface LabelTile {
  /** Size without the frame. */
  rows: number;
  columns: number;
  /** Place in `labels` of every pixel, frame included, row by row. */
  places: Uint8Array | Uint16Array | Uint32Array;
  /** The labels of the tile and its frame; the first is 0, the background. */
  labels: number[];
}

/** How a tile is painted. */
export type Look = Pick<OverlayView, "style" | "colours" | "only" | "doubtful"> & { kind: "labels" | "mask" | "classes" };

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
 * Outlines are one pixel wide and inside the objects. Doubtful objects have one more pixel outside: that needs no more
 * than the one pixel of frame, a second one inside would need two.
 */
export function paintTile(tile: LabelTile, look: Look, out: Uint32Array, among: ReadonlySet<number> | null = null): boolean {
  const colours = colourTable(tile, look, among);
  if (!colours.some((colour) => colour !== 0)) {
    out.fill(0);
    return false;
  }
  const areas = new Uint32Array(colours.length);
  const lines = look.style === "fill" ? areas : colours;
  const alpha = look.style === "fill" ? 255 : look.style === "both" ? FILL_WITH_OUTLINE : 0;
  for (let i = 0; i < areas.length; i++) areas[i] = colours[i] && alpha ? ((alpha << 24) | (colours[i]! & 0xffffff)) >>> 0 : 0;
  if (look.style === "fill") fillAreas(tile, areas, out);
  else drawLines(tile, areas, lines, out);
  const doubtful = doubtTable(tile, look, colours);
  if (doubtful) drawDoubtful(tile, doubtful, out);
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

function drawDoubtful(tile: LabelTile, doubtful: Uint8Array, out: Uint32Array): void {
  const { places, rows, columns } = tile;
  const stride = columns + 2 * HALO;
  for (let row = 0, o = 0; row < rows; row++) {
    let i = (row + HALO) * stride + HALO;
    for (let column = 0; column < columns; column++, i++, o++) {
      const place = places[i]!;
      const left = places[i - 1]!;
      const right = places[i + 1]!;
      const up = places[i - stride]!;
      const down = places[i + stride]!;
      if (left === place && right === place && up === place && down === place) continue;
      const own = doubtful[place]!;
      const near =
        (left !== place && doubtful[left]) || (right !== place && doubtful[right]) ||
        (up !== place && doubtful[up]) || (down !== place && doubtful[down]);
      if (own || near) out[o] = DOUBTFUL_PIXEL;
    }
  }
}

/** "#rrggbb" that a label or class has in an overlay. */
export function colourOf(look: Pick<Look, "colours">, label: number): string {
  return look.colours?.[label] ?? labelColour(label);
}
