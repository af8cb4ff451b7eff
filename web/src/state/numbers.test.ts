// @vitest-environment node
import { expect, test } from "vitest";
import { setting } from "../../test/fake_server";
import { bytesText, durationText, positionOf, POSITIONS, sentence, shortNumber, sliderScale, valueAt } from "./numbers";

test("numbers keep four digits and never lose thousands", () => {
  expect([0, 15.95464, 1234.6, 12_345_678, 0.0123456, -0.5, 1e-9, 1e12].map((value) => shortNumber(value))).toEqual(
    ["0", "15.95", "1,235", "12,345,678", "0.01235", "-0.5", "1.00e-9", "1.00e12"],
  );
  expect([null, undefined, Number.NaN].map((value) => shortNumber(value))).toEqual(["–", "–", "–"]);
  expect([durationText(40.4), durationText(1234), durationText(61_000), bytesText(999), bytesText(2_500_000)]).toEqual(["40 ms", "1.2 s", "1 min 1 s", "999 B", "2.5 MB"]);
});

test("a slider reaches both ends, rises all the way and comes back to its value", () => {
  for (const part of [{ low: 0, high: 1 }, { low: 0, high: 50 }, { low: 0, high: 1000 }, { low: 1, high: null, kind: "integer" as const, default: 10 }, { low: 3, high: 10_001, kind: "integer" as const }]) {
    const scale = sliderScale(setting(part));
    expect(valueAt(scale, 0)).toBe(scale.low);
    expect(valueAt(scale, POSITIONS)).toBe(scale.high);
    let before = Number.NEGATIVE_INFINITY;
    for (let at = 0; at <= POSITIONS; at += 10) {
      const value = valueAt(scale, at);
      expect(value).toBeGreaterThanOrEqual(before);
      expect(valueAt(scale, positionOf(scale, value))).toBeCloseTo(value, 0);
      before = value;
    }
  }
});

test("a wide range is logarithmic: its middle is far below half", () => {
  const scale = sliderScale(setting({ low: 3, high: 10_001, kind: "integer" }));
  expect(scale.logarithmic).toBe(true);
  expect(valueAt(scale, POSITIONS / 2)).toBeLessThan(200);
  expect(sliderScale(setting({ low: 0, high: 1 })).logarithmic).toBe(false);
});

test("sentences begin with a capital, names of files stay as they are", () => {
  expect(sentence("no object was found.")).toBe("No object was found.");
  expect(sentence("pixel size: 'x' is not a size.")).toBe("Pixel size: 'x' is not a size.");
  expect(sentence("field 1.tif: is empty.")).toBe("field 1.tif: is empty.");
  expect(sentence("series.ome.tif, frame 2: no object was found.")).toBe("series.ome.tif, frame 2: no object was found.");
  expect(sentence("")).toBe("");
});

test("exact grey levels have their thousands apart as rounded ones do", () => {
  expect([56_292, 56_292.4, 1234.567, 255].map((value) => shortNumber(value, 6))).toEqual(["56,292", "56,292.4", "1,234.57", "255"]);
});
