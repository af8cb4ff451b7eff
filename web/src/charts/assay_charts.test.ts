import { expect, test } from "vitest";
import { assay } from "../../test/fake_assay";
import { cellText, intervalText, measureOf, plateColour, plateLayer, plateShape, platesOf, rowLetters, timeText, valueText } from "./plate_scale";
import { axis, bandPath, bestFit, curveGroups, inGroups, lastAt, linePath, steps, valueEnds } from "./series";

const same = (value: number): number => value;

test("a plate has the shape of the smallest that holds its wells", () => {
  expect(plateShape([{ row: 2, column: 2 }])).toEqual([2, 3]);
  expect(plateShape([{ row: 8, column: 1 }, { row: 1, column: 12 }])).toEqual([8, 12]);
  expect(plateShape([{ row: 16, column: 24 }])).toEqual([16, 24]);
  expect(plateShape([{ row: 40, column: 2 }])).toEqual([40, 2]);
  expect([1, 26, 27, 32].map(rowLetters)).toEqual(["A", "Z", "AA", "AF"]);
});

test("colours go from dark to light and the ink on each can be read", () => {
  expect(plateColour(0)).toEqual({ colour: "rgb(0 34 78)", ink: "light" });
  expect(plateColour(1)).toEqual({ colour: "rgb(254 232 56)", ink: "dark" });
  expect(plateColour(-4).colour).toBe(plateColour(0).colour);
  const luminance = (colour: string): number => {
    const [r, g, b] = (colour.match(/\d+/g) ?? []).map((text) => (Number(text) / 255 > 0.04 ? ((Number(text) / 255 + 0.055) / 1.055) ** 2.4 : Number(text) / 3294.6));
    return 0.2126 * (r ?? 0) + 0.7152 * (g ?? 0) + 0.0722 * (b ?? 0);
  };
  for (let at = 0; at <= 100; at++) {
    const { colour, ink } = plateColour(at / 100);
    const own = luminance(colour);
    expect(ink === "dark" ? (own + 0.05) / 0.05 : 1.05 / (own + 0.05)).toBeGreaterThan(4.5);
  }
});

test("shares are percent, missing ends of an interval are told", () => {
  expect(valueText(0.8734, "%")).toBe("87.3 %");
  expect(valueText(1234.5, "")).toBe("1,235");
  expect(valueText(null, "%")).toBe("–");
  expect(intervalText(0.5, 0.25, 0.75, "%")).toBe("50.0 % (25.0 to 75.0)");
  expect(intervalText(12, 8, null, "h")).toBe("12 h (at least 8)");
  expect(intervalText(0.5, null, null, "%")).toBe("50.0 %");
  expect([cellText(0.873, "%"), cellText(null, "%"), cellText(0.01234, ""), cellText(12345.6, "")]).toEqual(["87", "–", "0.0123", "12346"]);
  expect([timeText(12.5, "h"), timeText(3, "frame")]).toEqual(["12.5 h", "frame 3"]);
});

test("a layer of a plate has the value of each well at each time, on one scale for all times", () => {
  const body = assay();
  expect(platesOf(body)).toEqual([""]);
  const layer = plateLayer(body, "", measureOf(body, "viability"));
  expect([layer?.low, layer?.high, layer?.times]).toEqual([0, 1, [0, 8]]);
  expect(layer?.at("B02", 8)).toEqual({ value: 0.9, low: 0.7, high: 0.97, n: 20 });
  expect(layer?.at("B02", 4)).toBeNull();
  expect(layer?.at("H12", 0)).toBeNull();
  expect(plateLayer(body, "", measureOf(body, "n_nuclei"))?.high).toBe(20);
  expect(plateLayer(body, "", measureOf(body, "cell_area"))).toBeNull();
  expect(measureOf(body, "viability_t0")).toEqual({ name: "viability_t0", title: "Viability relative to the first time", unit: "" });
});

test("a line leaves a gap where a value is missing, a band where an end is", () => {
  expect(linePath([0, 1, 2, 3], [1, 2, null, 4], same, same)).toBe("M0.0 1.0L1.0 2.0M3.0 4.0h1");
  expect(linePath([0], [null], same, same)).toBe("");
  expect(bandPath([0, 1, 2], [0.1, -1, null], [0.5, 2, 1], same, same, 0, 1)).toBe("M0.0 0.5L1.0 1.0L1.0 0.0L0.0 0.1Z");
  expect(bandPath([0, 1], [], [], same, same, 0, 1)).toBe("");
  expect(steps([0, 2, 5], [1, 0.5, null])).toEqual({ time: [0, 2, 2, 5, 5], value: [1, 1, 0.5, 0.5, null] });
});

test("axes hold all values, shares from nothing to all", () => {
  expect(valueEnds([0.2, null, 0.4], "%")).toEqual([0, 1]);
  expect(valueEnds([10, 50], "")).toEqual([0, 53]);
  expect(valueEnds([], "")).toEqual([0, 1]);
  const x = axis(0, 10, 100, 200);
  expect([x.place(0), x.place(5), x.place(10)]).toEqual([100, 150, 200]);
  expect(Number.isFinite(axis(3, 3, 0, 10).place(3))).toBe(true);
  expect(inGroups([1, 2, 3, 4, 5], 2)).toEqual([[1, 2], [3, 4], [5]]);
});

test("conditions are drawn with their wells behind, and one time makes no chart", () => {
  const body = assay();
  const [group] = curveGroups(body, "viability");
  expect(group?.main.map((curve) => curve.name)).toEqual(["untreated", "drug"]);
  expect(group?.thin.map(({ owner, curve }) => [owner, curve.name])).toEqual([[0, "B02"], [0, "B03"], [1, "C02"]]);
  expect(curveGroups({ ...body, curves: body.curves.map((curve) => ({ ...curve, time: [0], value: [1], low: [], high: [] })) }, "viability")).toEqual([]);
  const wells = body.curves.filter((curve) => curve.level === "well" && curve.measure === "viability");
  expect(curveGroups({ ...body, curves: wells }, "viability")[0]?.main).toHaveLength(3);
  const many = Array.from({ length: 12 }, (_, at) => ({ ...wells[0]!, name: `A${at}` }));
  expect(curveGroups({ ...body, curves: many }, "viability")).toMatchObject([{ main: [], thin: { length: 12 } }]);
});

test("the best fit is the one with the smallest AIC, and refused ones have no line", () => {
  const body = assay();
  const curve = body.curves.find((one) => one.level === "condition" && one.name === "untreated" && one.measure === "n_nuclei")!;
  expect(bestFit(body, curve)?.model).toBe("logistic");
  expect(bestFit(body, { ...curve, name: "drug" })).toBeNull();
  expect(lastAt({ ...curve, value: [1, 2, null] })).toBe(1);
});
