import { expect, test } from "vitest";
import { image } from "../../test/fake_server";
import { filterImages, keepCurrent, mergeImages, pixelSizeText } from "./images";
import { mergeById, shareDone } from "./jobs";
import { withToast } from "./page";
import { missed, nextClass } from "./paint";
import { autoWindow, nextRadius, previewLevel } from "./view";
import { pause } from "../api/socket";
import { errorOf } from "../api/client";
import { areaPath, rebin, ticks } from "../charts/bars";

test("images are merged by id and sorted as people count", () => {
  const list = [image({ id: "1", name: "b10.tif" }), image({ id: "2", name: "b9.tif" })];
  const merged = mergeImages(list, [image({ id: "3", name: "B1.tif" }), image({ id: "1", name: "b10.tif", status: "failed" })], ["2"]);
  expect(merged.map((one) => `${one.name} ${one.status}`)).toEqual(["B1.tif ready", "b10.tif failed"]);
});

test("the filter takes every word, the current image stays while it is there", () => {
  const list = [image({ id: "1", name: "gold A.tif", status: "failed" }), image({ id: "2", name: "gold B.tif" })];
  expect(filterImages(list, "b GOLD").map((one) => one.id)).toEqual(["2"]);
  expect(keepCurrent(list, "1")).toBe("1");
  expect(keepCurrent(list, "9")).toBe("2");
  expect(keepCurrent([], "9")).toBeNull();
});

test("an image that got its lasting id is still the one that is looked at", () => {
  const before = [image({ id: "provisional-2", name: "b.tif" }), image({ id: "1", name: "a.tif" })];
  const after = [image({ id: "1", name: "a.tif" }), image({ id: "hash", name: "b.tif" })];
  expect(keepCurrent(after, "provisional-2", before)).toBe("hash");
});

test("pixel sizes that differ in y and x are both told", () => {
  expect(pixelSizeText({ y: 0.5, x: 0.5, unit: "nm", source: "file" })).toBe("0.5 nm/px");
  expect(pixelSizeText({ y: 0.5, x: 0.25, unit: "um", source: "file" })).toBe("0.5 × 0.25 µm/px");
  expect(pixelSizeText(null)).toBe("no pixel size");
});

test("jobs and runs are newest first, each once", () => {
  const merged = mergeById([{ id: "a", created: "1" }, { id: "b", created: "2" }], [{ id: "c", created: "3" }, { id: "a", created: "1" }], ["b"]);
  expect(merged.map((one) => one.id)).toEqual(["c", "a"]);
  expect(shareDone({ done: 3, total: 4, state: "running" } as never)).toBe(0.75);
});

test("the same toast stands once, four at most", () => {
  let list = withToast([], { id: 1, kind: "note", text: "a" });
  list = withToast(list, { id: 2, kind: "note", text: "a" });
  expect(list.map((one) => one.id)).toEqual([2]);
  for (let id = 3; id < 9; id++) list = withToast(list, { id, kind: "note", text: String(id) });
  expect(list).toHaveLength(4);
});

test("a version that is known needs nothing, the next only itself, a later one all between", () => {
  expect([missed(4, 3), missed(4, 4), missed(4, 5), missed(4, 7)]).toEqual(["nothing", "nothing", "this", "more"]);
});

test("a new class takes the lowest free id and a colour that is not used", () => {
  expect(nextClass([{ id: 1, name: "a", colour: "#e69f00" }, { id: 3, name: "b", colour: "#009e73" }])).toEqual({ id: 2, name: "Class 2", colour: "#56b4e9" });
  expect(nextClass(Array.from({ length: 255 }, (_, at) => ({ id: at + 1, name: "x", colour: "#000000" })))).toBeNull();
});

test("previews while moving have at most 1.3 million pixels and never more than the screen shows", () => {
  expect(previewLevel({ height: 768, width: 768, n_levels: 2 }, 0)).toBe(0);
  expect(previewLevel({ height: 2048, width: 2048, n_levels: 3 }, 0)).toBe(1);
  expect(previewLevel({ height: 20_000, width: 20_000, n_levels: 7 }, 2)).toBe(5);
  expect(previewLevel({ height: 2048, width: 2048, n_levels: 3 }, 2)).toBe(2);
});

test("the automatic window leaves out a few hot pixels and is never empty", () => {
  const counts = new Array<number>(100).fill(0);
  counts.fill(1000, 10, 50);
  counts[99] = 3;
  expect(autoWindow({ low: 0, high: 1000, counts, threshold: null })).toEqual({ low: 100, high: 500 });
  const one = autoWindow({ low: 5, high: 5, counts: [7], threshold: null });
  expect(one.high).toBeGreaterThan(one.low);
});

test("brush sizes go up and down and stay in reach", () => {
  expect(nextRadius(8, 1)).toBe(10);
  expect(nextRadius(0.5, -1)).toBe(0.5);
  expect(nextRadius(500, 1)).toBe(500);
});

test("pauses between attempts grow to eight seconds", () => {
  expect([1, 2, 3, 10].map(pause)).toEqual([250, 500, 1000, 8000]);
});

test("errors carry the server's sentence, foreign pages get one of ours", () => {
  expect(errorOf(422, '{"error": {"code": "setting", "message": "k is 9."}}')).toMatchObject({ status: 422, code: "setting", message: "k is 9." });
  expect(errorOf(502, "<html>Bad gateway</html>").message).toContain("502");
});

test("charts: bins keep their sum and are alike, ticks are round and inside", () => {
  const counts = Array.from({ length: 256 }, (_, at) => at);
  const few = rebin(counts, 170);
  expect(few).toHaveLength(128);
  expect(few.reduce((a, b) => a + b, 0)).toBe(counts.reduce((a, b) => a + b, 0));
  expect(ticks(0, 30, 3)).toEqual([0, 10, 20, 30]);
  expect(ticks(7.2, 31, 6)).toEqual([10, 15, 20, 25, 30]);
  expect(ticks(5, 5, 3)).toEqual([]);
  expect(areaPath([0, 4], 10, 8)).toBe("M0 8V8.00H5.00V0.00H10.00V8Z");
});
