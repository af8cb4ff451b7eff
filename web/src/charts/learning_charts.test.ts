// @vitest-environment node
import { expect, test } from "vitest";
import { shareText } from "./confusion";
import { importantFeatures } from "./importance";
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
});

test("features come with the largest first, those that count nothing are left out", () => {
  expect(importantFeatures([["a", 0.1], ["b", 0.6], ["c", 0], ["d", null]], 2)).toEqual([["b", 0.6], ["a", 0.1]]);
});

test("a share that is not nothing is never told as 0", () => {
  expect([0, 0.001, 0.005, 0.996, 1].map(shareText)).toEqual(["0", "< 1", "1", "100", "100"]);
});
