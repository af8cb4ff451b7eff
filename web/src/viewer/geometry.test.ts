// @vitest-environment node
import { expect, test } from "vitest";
import { clampLevel, levelSide, nearestFirst, parseKey, tileKey, tilesIn, tileSize } from "./geometry";

const pyramid = { height: 1300, width: 2000, level: 0, n_levels: 3 };

test("levels are halved with rounding up, like the server's", () => {
  expect([0, 1, 2, 3].map((level) => levelSide(1301, level))).toEqual([1301, 651, 326, 163]);
});

test("the last tiles of a row and a column are smaller, and outside there is nothing", () => {
  expect(tileSize(pyramid, { level: 0, y: 2, x: 3 })).toEqual({ rows: 276, columns: 464 });
  expect(tileSize(pyramid, { level: 0, y: 3, x: 0 })).toEqual({ rows: 0, columns: 512 });
});

test("a rectangle is half open: it does not touch the tile that begins where it ends", () => {
  expect(tilesIn(pyramid, 0, { y0: 0, x0: 0, y1: 512, x1: 513 }).map(tileKey)).toEqual(["0/0/0", "0/0/1"]);
  expect(tilesIn(pyramid, 0, { y0: 5, x0: 5, y1: 5, x1: 9 })).toEqual([]);
});

test("with the frame, a change beside a tile border touches both tiles", () => {
  expect(tilesIn(pyramid, 0, { y0: 10, x0: 500, y1: 20, x1: 511 }, 1).map(tileKey)).toEqual(["0/0/0"]);
  expect(tilesIn(pyramid, 0, { y0: 10, x0: 500, y1: 20, x1: 512 }, 1).map(tileKey)).toEqual(["0/0/0", "0/0/1"]);
  expect(tilesIn(pyramid, 1, { y0: 0, x0: 1024, y1: 2, x1: 1026 }, 1).map(tileKey)).toEqual(["1/0/0", "1/0/1"]);
});

test("tiles outside of the plane are never named", () => {
  const tiles = tilesIn(pyramid, 2, { y0: -900, x0: -900, y1: 9000, x1: 9000 });
  expect(tiles.map(tileKey)).toEqual(["2/0/0"]);
});

test("a level that there is not becomes the nearest that there is", () => {
  expect(clampLevel({ ...pyramid, level: 2 }, 0)).toBe(2);
  expect(clampLevel(pyramid, 9)).toBe(2);
});

test("the tile under the middle of the view comes first", () => {
  const tiles = tilesIn(pyramid, 0, { y0: 0, x0: 0, y1: 1300, x1: 2000 });
  expect(tileKey(nearestFirst(tiles, 700, 1300)[0]!)).toBe("0/1/2");
});

test("a key is read as it was written", () => {
  expect(parseKey(tileKey({ level: 3, y: 12, x: 7 }))).toEqual({ level: 3, y: 12, x: 7 });
});
