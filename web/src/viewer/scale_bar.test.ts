// @vitest-environment node
import { expect, test } from "vitest";
import { niceBelow, scaleBar } from "./scale_bar";

test("lengths are 1, 2 or 5 times a power of ten, the largest there is room for", () => {
  for (const [limit, nice] of [[1, 1], [1.99, 1], [2, 2], [4.99, 2], [5, 5], [9.9, 5], [10, 10], [0.002, 0.002], [0.0049, 0.002], [123456, 100000]]) {
    expect(niceBelow(limit!)).toBeCloseTo(nice!, 12);
  }
  expect([niceBelow(0), niceBelow(-3), niceBelow(Infinity), niceBelow(Number.NaN)]).toEqual([0, 0, 0, 0]);
});

test("the length on screen is that of the text at this zoom", () => {
  const size = { y: 0.5, x: 0.5, unit: "nm", source: "file" } as const;
  expect(scaleBar(size, 1, 160)).toEqual({ length: 100, text: "50 nm" });
  expect(scaleBar(size, 0.01, 160)).toEqual({ length: 100, text: "5 µm" });
  expect(scaleBar({ ...size, x: 2, unit: "um" }, 0.1, 160)).toEqual({ length: 100, text: "2 mm" });
  const fine = scaleBar(size, 40, 160)!;
  expect(fine.text).toBe("2 nm");
  expect(fine.length).toBeCloseTo(160, 9);
});

test("a bar never has more than its room, at any zoom", () => {
  for (let zoom = 0.001; zoom < 64; zoom *= 1.07) {
    const bar = scaleBar({ y: 1, x: 0.137, unit: "um", source: "typed" }, zoom, 160)!;
    expect(bar.length).toBeLessThanOrEqual(160.001);
    expect(bar.length).toBeGreaterThan(63);
  }
});

test("without a pixel size the bar counts pixels, whole ones only", () => {
  expect(scaleBar(null, 2, 160)).toEqual({ length: 100, text: "50 px" });
  expect(scaleBar(null, 400, 160)).toBeNull();
});
