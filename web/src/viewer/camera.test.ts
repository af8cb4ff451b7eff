// @vitest-environment node
import { expect, test } from "vitest";
import { Camera, MAX_ZOOM } from "./camera";

function camera(height = 1000, width = 2000, dpr = 1): Camera {
  const made = new Camera();
  made.resize(500, 800, dpr);
  made.setImage(height, width);
  return made;
}

test("a picture is fitted when it comes, and goes on fitting while the view is resized", () => {
  const view = camera();
  expect(view.zoom).toBe(0.4);
  expect([view.y, view.x]).toEqual([499.5, 999.5]);
  view.resize(500, 400, 1);
  expect(view.zoom).toBe(0.2);
});

test("once zoomed, the view keeps its middle and its zoom when it is resized", () => {
  const view = camera();
  view.centreOn(300, 700, 2);
  view.resize(300, 300, 2);
  expect([view.y, view.x, view.zoom]).toEqual([300, 700, 2]);
});

test("screen to image and back is the same point, and the first pixel covers -0.5 to 0.5", () => {
  const view = camera();
  view.centreOn(300, 700, 3.7);
  const [sy, sx] = view.toScreen(12.25, 900);
  expect(view.toImage(sy, sx)).toEqual([expect.closeTo(12.25, 9), expect.closeTo(900, 9)]);
  view.fit();
  expect(view.toImage(50, 0)[0]).toBeCloseTo(-0.5, 9);
});

test("zooming keeps the image point under the pointer", () => {
  const view = camera();
  const before = view.toImage(123, 456);
  view.zoomAt(3, 123, 456);
  const after = view.toImage(123, 456);
  expect(after[0]).toBeCloseTo(before[0], 9);
  expect(after[1]).toBeCloseTo(before[1], 9);
});

test("zoom and middle stay within their limits, whatever is asked for", () => {
  const view = camera();
  view.zoomTo(1e9);
  expect(view.zoom).toBe(MAX_ZOOM);
  view.zoomTo(1e-9);
  expect(view.zoom).toBe(0.2);
  view.centreOn(Number.NaN, 3, Number.NaN);
  view.zoomAt(0, 10, 10);
  view.panBy(1e7, -1e7);
  expect([view.y, view.x, view.zoom]).toEqual([-0.5, 1999.5, 0.2]);
});

test("the level has pixels of more than half a device pixel and at most one", () => {
  const view = camera(20000, 20000);
  for (const [zoom, dpr, level] of [[1, 1, 0], [5, 1, 0], [0.99, 1, 0], [0.5, 1, 1], [0.49, 1, 1], [0.25, 1, 2], [0.25, 2, 1], [0.1, 1.5, 2]] as const) {
    view.resize(500, 800, dpr);
    view.centreOn(1000, 1000, zoom);
    expect(view.level(), `zoom ${zoom} at ${dpr}`).toBe(level);
    const size = view.scale() * 2 ** view.level();
    expect(size > 0.5 && (size <= 1 || view.level() === 0)).toBe(true);
  }
});

test("edges are whole device pixels, and at 1:1 a picture pixel is exactly one of them", () => {
  const view = camera();
  view.centreOn(300.37, 700.81, 1);
  for (let v = 600; v < 800; v++) expect(view.edgeX(v + 1) - view.edgeX(v)).toBe(1);
  view.zoomTo(1.37);
  expect(Number.isInteger(view.edgeY(512))).toBe(true);
});

test("the visible part is within the picture and empty when nothing is seen", () => {
  const view = camera();
  expect(view.visible()).toEqual({ y0: 0, x0: 0, y1: 1000, x1: 2000 });
  view.centreOn(10, 10, 10);
  expect(view.visible()).toEqual({ y0: 0, x0: 0, y1: 36, x1: 51 });
  view.setImage(0, 0);
  expect(view.visible()).toEqual({ y0: 0, x0: 0, y1: 0, x1: 0 });
});

test("a picture of the same size keeps the view", () => {
  const view = camera();
  view.centreOn(10, 20, 4);
  view.setImage(1000, 2000);
  expect(view.zoom).toBe(4);
  view.setImage(1000, 2001);
  expect(view.fitted).toBe(true);
});
