// @vitest-environment node
import { expect, test } from "vitest";
import { objects } from "../../test/fake_server";
import {
  doubtfulRows, filterRows, firstColumns, flagCounts, insidePolygon, labelsInside, makeBins, makeTable, NO_FILTERS, numberAt, sizeColumns, sortRows, titleOf,
} from "./table";

const table = makeTable(objects(50));
const all = filterRows(table, NO_FILTERS);

test("filters by range, flag and chosen labels go together", () => {
  expect(all).toHaveLength(50);
  expect(filterRows(table, { ...NO_FILTERS, flags: { touches_border: "with" } })).toEqual([0]);
  expect(filterRows(table, { ...NO_FILTERS, flags: { touches_border: "without", was_split: "without" } })).toHaveLength(48);
  const half = filterRows(table, { ...NO_FILTERS, ranges: [{ column: "ecd_nm", low: 10, high: 11.5, closed: false }], chosen: new Set([1, 3, 9, 12]) });
  expect(half.map((row) => table.labels[row])).toEqual([1, 9, 12]);
});

test("sorting keeps ties in the order of the table and puts missing values last in both directions", () => {
  const body = objects(4);
  body.columns[4]!.values = [2, null, 1, 2];
  const small = makeTable(body);
  expect(sortRows(small, [0, 1, 2, 3], { column: "ecd_nm", direction: 1 })).toEqual([2, 0, 3, 1]);
  expect(sortRows(small, [0, 1, 2, 3], { column: "ecd_nm", direction: -1 })).toEqual([0, 3, 2, 1]);
});

test("every object is in exactly one bin, the one whose edges say so", () => {
  const bins = makeBins(table, "ecd_nm", all);
  expect(bins.flatMap((bin) => bin.rows).sort((a, b) => a - b)).toEqual(all);
  for (const bin of bins) {
    for (const row of bin.rows) {
      const value = numberAt(table.byName.get("ecd_nm"), row);
      expect(value >= bin.low && value < bin.high).toBe(true);
    }
  }
  expect(bins.reduce((sum, bin) => sum + bin.nBorder, 0)).toBe(1);
});

test("a bin and the filter made of it hold the same objects, also at awkward widths", () => {
  const body = objects(400);
  body.columns[4]!.values = Array.from({ length: 400 }, (_, at) => Number((0.1 * (at % 31)).toPrecision(7)));
  const awkward = makeTable(body);
  const rows = filterRows(awkward, NO_FILTERS);
  for (const bin of makeBins(awkward, "ecd_nm", rows)) {
    const range = { column: "ecd_nm", low: bin.low, high: bin.high, closed: bin.last };
    expect(filterRows(awkward, { ...NO_FILTERS, ranges: [range] })).toEqual(bin.rows);
  }
});

test("one value, no value and no object make no endless chart", () => {
  const body = objects(3);
  body.columns[4]!.values = [5, 5, 5];
  expect(makeBins(makeTable(body), "ecd_nm", [0, 1, 2]).map((bin) => bin.rows.length)).toEqual([3]);
  body.columns[4]!.values = [null, null, null];
  expect(makeBins(makeTable(body), "ecd_nm", [0, 1, 2])).toEqual([]);
  expect(makeBins(makeTable(objects(0)), "ecd_nm", [])).toEqual([]);
});

test("a lasso takes the objects whose centroid it holds, a notch leaves its own out", () => {
  const notch: [number, number][] = [[0, 0], [0, 10], [5, 5], [10, 10], [10, 0]];
  expect(insidePolygon(5, 2, notch)).toBe(true);
  expect(insidePolygon(5, 9, notch)).toBe(false);
  expect([...labelsInside(table, [[-1, -1], [-1, 12], [21, 12], [21, -1]])]).toEqual([1, 2, 3]);
});

test("doubtful objects are those with the flag, flags are counted", () => {
  expect(doubtfulRows(table)).toEqual([1]);
  expect(flagCounts(table).get("was_split")).toBe(1);
});

test("a quantity is shown once, in its physical unit when there is one", () => {
  expect(firstColumns(table)).toEqual(["label", "ecd_nm", "confidence", "flags"]);
  expect(sizeColumns(table)).toEqual(["ecd_nm", "confidence"]);
  expect(titleOf({ name: "area_nm2" })).toEqual({ title: "area", unit: "nm²" });
  expect(titleOf({ name: "neighbour_distance_um" })).toEqual({ title: "neighbour distance", unit: "µm" });
});

test("70,000 rows are filtered, sorted and binned while somebody waits", () => {
  const large = makeTable(objects(70_000));
  const start = performance.now();
  const rows = sortRows(large, filterRows(large, { ...NO_FILTERS, ranges: [{ column: "confidence", low: 0.2, high: 2, closed: true }] }), { column: "ecd_nm", direction: -1 });
  makeBins(large, "ecd_nm", rows);
  expect(rows).toHaveLength(70_000);
  expect(performance.now() - start).toBeLessThan(3000);
});
