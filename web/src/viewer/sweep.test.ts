// @vitest-environment node
import { expect, test } from "vitest";
import { Path, MOST_POINTS, quarter, randomId } from "./path";
import { sweepSegment, type Point } from "./sweep";

function covered(a: Point, b: Point, radius: number): Set<string> {
  const found = new Set<string>();
  sweepSegment(a, b, radius, (y, x0, x1) => {
    for (let x = x0; x <= x1; x++) found.add(`${y},${x}`);
  });
  return found;
}

/** The rule itself, pixel by pixel. */
function rule(a: Point, b: Point, radius: number): Set<string> {
  const found = new Set<string>();
  const [dy, dx] = [b[0] - a[0], b[1] - a[1]];
  const length = dy * dy + dx * dx;
  for (let y = -60; y < 60; y++) {
    for (let x = -60; x < 60; x++) {
      const part = length ? Math.max(0, Math.min(1, ((y - a[0]) * dy + (x - a[1]) * dx) / length)) : 0;
      const far = (y - a[0] - part * dy) ** 2 + (x - a[1] - part * dx) ** 2;
      if (far <= Math.max(0.5, radius) ** 2 + 1e-9) found.add(`${y},${x}`);
    }
  }
  for (const [y, x] of [a, b]) found.add(`${Math.floor(y + 0.5)},${Math.floor(x + 0.5)}`);
  return found;
}

test("a sweep covers exactly the pixels whose centre is within the radius", () => {
  let state = 12345;
  const random = (most: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return Math.round(((state / 2 ** 32) * 2 - 1) * most * 4) / 4;
  };
  for (let i = 0; i < 300; i++) {
    const a: Point = [random(30), random(30)];
    const b: Point = i % 5 === 0 ? a : i % 5 === 1 ? [a[0], random(30)] : i % 5 === 2 ? [random(30), a[1]] : [random(30), random(30)];
    const radius = Math.abs(random(12));
    expect([...covered(a, b, radius)].sort(), `${a} ${b} ${radius}`).toEqual([...rule(a, b, radius)].sort());
  }
});

test("a brush of no size paints the pixel under the pointer", () => {
  expect([...covered([3.5, 4.25], [3.5, 4.25], 0)]).toContain("4,4");
});

test("points are quarter pixels, and never farther from the image than the server takes", () => {
  expect(quarter([1.13, -2.4], 100, 100)).toEqual([1.25, -2.5]);
  expect(quarter([1e9, -1e9], 100, 200)).toEqual([99 + 4096, -4096]);
});

test("points that do not matter are left out, in proportion to the brush", () => {
  const fine = new Path(1000, 1000, 1);
  const coarse = new Path(1000, 1000, 320);
  for (let x = 0; x < 100; x += 0.125) {
    fine.add([5, x]);
    coarse.add([5, x]);
  }
  expect(fine.points.length).toBe(401);
  expect(coarse.points.length).toBe(11);
});

test("a path is sent with at most as many points as the server takes, its ends included", () => {
  const path = new Path(60_000, 60_000);
  for (let i = 0; i < 50_000; i++) path.add([i, i % 2]);
  const sent = path.thinned();
  expect(sent.length).toBe(MOST_POINTS);
  expect(sent[0]).toEqual([0, 0]);
  expect(sent.at(-1)).toEqual([49_999, 1]);
});

test("ids are different each time and may stand in an address", () => {
  const ids = new Set(Array.from({ length: 1000 }, () => randomId()));
  expect(ids.size).toBe(1000);
  for (const id of ids) expect(id).toMatch(/^[A-Za-z0-9_-]{16}$/);
});
