// @vitest-environment node
import { expect, test } from "vitest";
import { ChannelTable, colourTile, windowSteps, type Window } from "./colour";
import { colourSteps, formatColour, parseColour } from "./colour_maps";

function table(change: Partial<Window> = {}): ChannelTable {
  const made = new ChannelTable();
  made.set({ low: 0, high: 255, gamma: 1, map: "grey", colour: "#ffffff", ...change });
  return made;
}

function rgb(pixel: number): [number, number, number, number] {
  return [pixel & 255, (pixel >>> 8) & 255, (pixel >>> 16) & 255, pixel >>> 24];
}

function colours(...parts: { values: Uint16Array | null; table: ChannelTable }[]): number[][] {
  const out = new Uint32Array(parts.find((part) => part.values)?.values?.length ?? 1);
  colourTile(parts, out);
  return [...out].map(rgb);
}

test("the window goes from dark at low to bright at high, and stays there outside", () => {
  const steps = windowSteps(1000, 3000, 1);
  expect([0, 1000, 2000, 3000, 65535].map((v) => steps[v])).toEqual([0, 0, 128, 255, 255]);
});

test("every step of the window is at least as bright as the one before, for any gamma and window", () => {
  for (const [low, high, gamma] of [[0, 65535, 1], [-100, 70000, 0.4], [100.5, 101.5, 3], [500, 500, 1], [600, 500, 1], [0, 1, 1]] as const) {
    const steps = windowSteps(low, high, gamma);
    for (let v = 1; v < 65536; v++) if (steps[v]! < steps[v - 1]!) throw new Error(`${low}..${high}: falls at ${v}`);
  }
});

test("gamma below one brightens the middle", () => {
  expect(windowSteps(0, 1000, 0.5)[250]).toBe(128);
  expect(windowSteps(0, 1000, 2)[500]).toBe(64);
});

test("one channel is drawn in its map", () => {
  const values = new Uint16Array([0, 128, 255, 9999]);
  expect(colours({ values, table: table() })).toEqual([[0, 0, 0, 255], [128, 128, 128, 255], [255, 255, 255, 255], [255, 255, 255, 255]]);
  expect(colours({ values, table: table({ map: "inverted" }) })[0]).toEqual([255, 255, 255, 255]);
  expect(colours({ values, table: table({ map: "tint", colour: "#ff8000" }) })[2]).toEqual([255, 128, 0, 255]);
});

test("two to five channels are added and clamped, the same in every way of computing it", () => {
  const random = (seed: number) => Uint16Array.from({ length: 500 }, (_, i) => (i * seed * 7919) % 300);
  const all = ["#ff0000", "#00ff80", "#4080ff", "#ffff00", "#808080"].map((colour, i) => ({
    values: random(i + 3),
    table: table({ map: "tint", colour, high: 290 }),
  }));
  for (let n = 2; n <= 5; n++) {
    const parts = all.slice(0, n);
    const expected = Array.from({ length: 500 }, (_, i) =>
      [0, 1, 2].map((k) => Math.min(255, parts.reduce((sum, part) => sum + rgb(part.table.pixels[part.table.steps[part.values[i]!]!]!)[k]!, 0))),
    );
    expect(colours(...parts).map((pixel) => pixel.slice(0, 3))).toEqual(expected);
  }
});

test("an empty channel is zeros, not nothing: inverted it is bright", () => {
  const red = { values: new Uint16Array([255, 0]), table: table({ map: "tint", colour: "#ff0000" }) };
  expect(colours(red, { values: null, table: table({ map: "tint", colour: "#00ff00" }) })).toEqual([[255, 0, 0, 255], [0, 0, 0, 255]]);
  expect(colours(red, { values: null, table: table({ map: "inverted" }) })[1]).toEqual([255, 255, 255, 255]);
  expect(colours({ values: null, table: table({ map: "inverted" }) })).toEqual([[255, 255, 255, 255]]);
});

test("without channels a tile is black, not transparent", () => {
  expect(colours()).toEqual([[0, 0, 0, 255]]);
});

test("a table tells whether anything has changed", () => {
  const made = table();
  const same = { low: 0, high: 255, gamma: 1, map: "grey", colour: "#123456" } as const;
  expect(made.set(same)).toBe(false);
  expect(made.set({ ...same, high: 256 })).toBe(true);
  expect(made.set({ ...same, high: 256, map: "tint" })).toBe(true);
});

test("viridis and inferno go from dark to bright without a step back", () => {
  for (const map of ["viridis", "inferno"] as const) {
    const steps = colourSteps(map, "");
    const bright = Array.from({ length: 256 }, (_, i) => 0.2126 * steps[i * 3]! + 0.7152 * steps[i * 3 + 1]! + 0.0722 * steps[i * 3 + 2]!);
    for (let i = 1; i < 256; i++) expect(bright[i]!).toBeGreaterThan(bright[i - 1]! - 0.6);
    expect(bright[255]! - bright[0]!).toBeGreaterThan(150);
  }
});

test("colours are read and written; anything else is white", () => {
  expect(parseColour("#0a80fF")).toEqual([10, 128, 255]);
  expect(parseColour("red")).toEqual([255, 255, 255]);
  expect(formatColour([10, 128, 255])).toBe("#0a80ff");
});
