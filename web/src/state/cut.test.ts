// @vitest-environment node
import { expect, test } from "vitest";
import { objects } from "../../test/fake_server";
import { distanceTo, objectUnder } from "./cut";
import { makeTable } from "./table";

const body = objects(3);
body.columns.push({ name: "bbox_height_px", unit: "px", meaning: "", values: [8, 8, 8] }, { name: "bbox_width_px", unit: "px", meaning: "", values: [8, 8, 8] });
const table = makeTable(body);

test("the object that the cursor saw most along the line is cut, what it saw elsewhere does not count", () => {
  const seen = [{ y: 0, x: 1, label: 4 }, { y: 0, x: 5, label: 7 }, { y: 0, x: 6, label: 7 }, { y: 40, x: 40, label: 9 }, { y: 41, x: 40, label: 9 }, { y: 42, x: 40, label: 9 }];
  expect(objectUnder([[0, 0], [0, 10]], seen, table)).toBe(7);
});

test("without the cursor the box and the centroid decide, a line over nothing cuts nothing", () => {
  expect(objectUnder([[8, 5], [13, 5]], [], table)).toBe(2);
  expect(objectUnder([[300, 5], [310, 5]], [], table)).toBe(0);
  expect(objectUnder([], [], null)).toBe(0);
});

test("the distance to a line ends at its ends", () => {
  expect(distanceTo([[0, 0], [0, 10]], 3, 5)).toBe(3);
  expect(distanceTo([[0, 0], [0, 10]], 3, 14)).toBe(5);
});
