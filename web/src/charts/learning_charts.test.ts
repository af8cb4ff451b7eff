// @vitest-environment node
import { expect, test } from "vitest";
import { shareText } from "./confusion";
import { importanceGroups } from "./importance";
import { curvePoints, scoreRange } from "./learning_curve";

test("the axis of scores holds all of them in whole tenths, and is never too narrow to read", () => {
  expect(scoreRange([0.55, 0.72])).toEqual([0.5, 0.8]);
  expect(scoreRange([0.6, 0.7])).toEqual([0.5, 0.8]);
  expect(scoreRange([])).toEqual([0, 1]);
  expect(scoreRange([1, 1])).toEqual([0.9, 1]);
  const [low, high] = scoreRange([0]);
  expect([low, high]).toEqual([0, 0.1]);
});

test("a curve is ascending and holds numbers only", () => {
  expect(curvePoints([[900, 0.7], [200, 0.5], [300, Number.NaN], ["x", 1], [400]])).toEqual([[200, 0.5], [900, 0.7]]);
  // with few strokes every step may hold all of them: that is no curve
  expect(curvePoints([[900, 0.6], [900, 0.7], [900, 0.7]])).toEqual([[900, 0.7]]);
});

test("features come in their groups with the largest first, those that count nothing are left out", () => {
  const list = [["kind: a", 0.1], ["kind: b", 0.6], ["kind: c", 0.05], ["scale: 5 px", 0.9], ["scale: 1 px", 0], ["kind: d", null]];
  expect(importanceGroups(list, 2)).toEqual([{ name: "Kind of feature", rows: [["b", 0.6], ["a", 0.1]] }, { name: "Scale", rows: [["5 px", 0.9]] }]);
  expect(importanceGroups([["gaussian", 0.4]], 2)).toEqual([{ name: "", rows: [["gaussian", 0.4]] }]);
});

test("a share that is not nothing is never told as 0", () => {
  expect([0, 0.001, 0.005, 0.996, 1].map(shareText)).toEqual(["0", "< 1", "1", "100", "100"]);
});
