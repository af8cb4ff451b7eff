// @vitest-environment node
import { expect, test } from "vitest";
import { labelIn, paintTile, readClasses, readLabels, screenTile, type LabelTile, type Look } from "./overlays";
import { DOUBTFUL, labelColour, labelPixel, packPixel } from "./palette";

/** A plane of labels cut into a tile with its frame, as the server does it: outside the edge is repeated. */
function cut(plane: number[][], y0: number, x0: number, rows: number, columns: number): LabelTile {
  const values: number[] = [];
  for (let y = y0 - 1; y <= y0 + rows; y++) {
    for (let x = x0 - 1; x <= x0 + columns; x++) {
      const row = plane[Math.min(plane.length - 1, Math.max(0, y))]!;
      values.push(row[Math.min(row.length - 1, Math.max(0, x))]!);
    }
  }
  return readLabels(new Uint32Array(values).buffer, rows, columns);
}

function paint(tile: LabelTile, look: Partial<Look> = {}, among: Set<number> | null = null): number[][] {
  const out = new Uint32Array(tile.rows * tile.columns).fill(123);
  paintTile(tile, { kind: "labels", style: "outline", ...look }, out, among);
  return Array.from({ length: tile.rows }, (_, row) => [...out.subarray(row * tile.columns, (row + 1) * tile.columns)]);
}

const BIG = 4_000_000_001;
const PLANE = Array.from({ length: 12 }, (_, y) =>
  Array.from({ length: 12 }, (_, x) => (Math.hypot(y - 5, x - 5) < 4.2 ? 7 : x > 10 ? BIG : 0)),
);

test("labels come back exactly, also the largest there are", () => {
  const tile = cut(PLANE, 0, 0, 12, 12);
  for (let y = 0; y < 12; y++) for (let x = 0; x < 12; x++) expect(labelIn(tile, y, x)).toBe(PLANE[y]![x]);
  expect(tile.places).toBeInstanceOf(Uint8Array);
});

test("a tile of very many labels is read exactly too", () => {
  const n = 302;
  const values = Uint32Array.from({ length: n * n }, (_, i) => i * 3 + 1);
  const tile = readLabels(values.buffer, n - 2, n - 2);
  expect(labelIn(tile, 299, 299)).toBe(values[300 * n + 300]);
  const other = readLabels(Uint32Array.from({ length: 64 * 64 }, (_, i) => i).buffer, 62, 62);
  expect(other.places).toBeInstanceOf(Uint16Array);
  expect(labelIn(other, 61, 61)).toBe(62 * 64 + 62);
  expect(labelIn(tile, 0, 0)).toBe(values[n + 1]);
});

test("outlines in tiles are those of the whole plane, in every style", () => {
  for (const style of ["fill", "outline", "both"] as const) {
    const whole = paint(cut(PLANE, 0, 0, 12, 12), { style });
    for (const [y, x] of [[0, 0], [0, 6], [6, 0], [6, 6]] as const) {
      const part = paint(cut(PLANE, y, x, 6, 6), { style });
      expect(part).toEqual(whole.slice(y, y + 6).map((row) => row.slice(x, x + 6)));
    }
  }
});

test("doubtful outlines are thicker, vermilion, and close over tile borders", () => {
  const colours = { 7: "#010203", [BIG]: "#040506" };
  const look = { colours, doubtful: new Set([7]) };
  const whole = paint(cut(PLANE, 0, 0, 12, 12), look);
  for (const [y, x] of [[0, 0], [0, 6], [6, 0], [6, 6]] as const) {
    expect(paint(cut(PLANE, y, x, 6, 6), look)).toEqual(whole.slice(y, y + 6).map((row) => row.slice(x, x + 6)));
  }
  const count = (pixels: number[][], colour: number): number => pixels.flat().filter((pixel) => pixel === colour).length;
  const plain = paint(cut(PLANE, 0, 0, 12, 12), { colours });
  expect(count(whole, packPixel(DOUBTFUL))).toBeGreaterThan(1.7 * count(plain, packPixel("#010203")));
  expect(count(whole, packPixel("#010203"))).toBe(0);
  expect(count(whole, packPixel("#040506"))).toBe(count(plain, packPixel("#040506")));
});

test("there is no outline along the edge of the image", () => {
  const ones = Array.from({ length: 6 }, () => Array.from({ length: 6 }, () => 1));
  expect(paint(cut(ones, 0, 0, 6, 6)).flat().every((pixel) => pixel === 0)).toBe(true);
});

test("a filter leaves the others out, and says when nothing is left", () => {
  const tile = cut(PLANE, 0, 0, 12, 12);
  const pixels = paint(tile, { only: new Set([BIG]), style: "fill" });
  expect(new Set(pixels.flat())).toEqual(new Set([0, labelPixel(BIG)]));
  const out = new Uint32Array(144).fill(5);
  expect(paintTile(tile, { kind: "labels", style: "both", only: new Set([99]) }, out)).toBe(false);
  expect(out.every((pixel) => pixel === 0)).toBe(true);
});

test("the highlight paints only its labels", () => {
  const pixels = paint(cut(PLANE, 0, 0, 12, 12), { style: "fill" }, new Set([7]));
  expect(new Set(pixels.flat())).toEqual(new Set([0, labelPixel(7)]));
});

test("own colours win over the palette; classes without one have that of the palette", () => {
  const tile = readClasses(Uint8Array.from([0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0]).buffer, 1, 2);
  expect(paint(tile, { kind: "classes", style: "fill", colours: { 1: "#102030" } })).toEqual([[packPixel("#102030"), labelPixel(2)]]);
});

test("any value of a mask is inside, in one colour", () => {
  const tile = readClasses(Uint8Array.from([0, 0, 0, 0, 0, 1, 255, 0, 0, 0, 0, 0]).buffer, 1, 2);
  expect(paint(tile, { kind: "mask", style: "fill", colours: { 1: "#ff0000" } })).toEqual([[packPixel("#ff0000"), packPixel("#ff0000")]]);
});

test("labels that follow each other differ in colour, and rows of objects show no stripes", () => {
  for (let label = 1; label < 4000; label++) {
    if (label % 4 !== 3) expect(labelColour(label)).not.toBe(labelColour(label + 1));
  }
  for (const perRow of [16, 50, 64, 100]) {
    let same = 0;
    for (let label = 1; label < 4000; label++) if (labelColour(label) === labelColour(label + perRow)) same++;
    expect(same / 4000, `${perRow} in a row`).toBeLessThan(0.35);
  }
  expect(labelColour(1)).not.toBe(DOUBTFUL);
});

/** A field of discs, one tile of 64 x 64. */
function field(radius: number, pitch: number): { plane: number[][]; n: number } {
  let n = 0;
  const plane = Array.from({ length: 64 }, () => Array.from({ length: 64 }, () => 0));
  for (let cy = pitch / 2; cy < 64 - radius; cy += pitch) {
    for (let cx = pitch / 2; cx < 64 - radius; cx += pitch) {
      n++;
      for (let y = 0; y < 64; y++) for (let x = 0; x < 64; x++) if (Math.hypot(y - cy, x - cx) <= radius) plane[y]![x] = n;
    }
  }
  return { plane, n };
}

function thickness(pixels: number[][]): number {
  // along the middle of the first disc: the line on its left side
  const row = pixels[Math.floor(pixels.length / 8)]!;
  const start = row.findIndex((pixel) => pixel !== 0);
  let end = start;
  while (row[end] !== 0 && end < row.length) end++;
  return end - start;
}

test("outlines are two screen pixels wide and opaque however small the picture is shown, doubtful ones twice that", () => {
  const { plane } = field(5, 16);
  const tile = cut(plane, 0, 0, 64, 64);
  const paintAt = (side: number, look: Partial<Look>): number[][] => {
    const small = screenTile(tile, side, side);
    const out = new Uint32Array(side * side);
    paintTile(small, { kind: "labels", style: "outline", ...look }, out, null, true);
    return Array.from({ length: side }, (_, row) => [...out.subarray(row * side, (row + 1) * side)]);
  };
  for (const side of [63, 57, 50]) {
    const pixels = paintAt(side, {});
    expect(thickness(pixels), `${side} of 64`).toBe(2);
    expect(pixels.flat().every((pixel) => pixel === 0 || pixel >>> 24 === 255)).toBe(true);
  }
  expect(thickness(paintAt(60, { doubtful: new Set([1]) }))).toBeGreaterThanOrEqual(4);
});

test("small objects stay visible inside their outline, and none is lost by looking from afar", () => {
  const { plane, n } = field(1, 4);
  plane[1]![1] = 4000; // one pixel alone
  const small = screenTile(cut(plane, 0, 0, 64, 64), 33, 33);
  const seen = new Set<number>();
  for (let y = 0; y < 33; y++) for (let x = 0; x < 33; x++) seen.add(labelIn(small, y, x));
  expect(seen.size).toBe(n + 2);
  const { plane: discs } = field(3, 16);
  const tile = screenTile(cut(discs, 0, 0, 64, 64), 56, 56);
  const out = new Uint32Array(56 * 56);
  paintTile(tile, { kind: "labels", style: "outline" }, out, null, true);
  for (let y = 0; y < 56; y++) for (let x = 0; x < 56; x++) if (labelIn(tile, y, x)) expect(out[y * 56 + x]).toBe(0);
  expect(out.some((pixel) => pixel !== 0)).toBe(true);
});

test("a filter hides outlines that are drawn outside of the objects, too", () => {
  const { plane } = field(7, 16);
  const tile = screenTile(cut(plane, 0, 0, 64, 64), 50, 50);
  const out = new Uint32Array(2500);
  paintTile(tile, { kind: "labels", style: "outline", only: new Set([2]) }, out, null, true);
  expect(new Set(out)).toEqual(new Set([0, labelPixel(2)]));
});
