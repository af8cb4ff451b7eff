// @vitest-environment node
import { expect, test } from "vitest";
import { Camera } from "./camera";
import type { Layer } from "./layer";
import { drawMarkers } from "./markers";
import { OverlayList } from "./overlay_list";
import { paintTile, readClasses } from "./overlays";
import { packPixel } from "./palette";
import type { TileCache } from "./tile_cache";
import { paintFading } from "./tile_set";

test("a rim runs around strokes on the side of the background and covers none of them", () => {
  // 5 x 5 with its frame: a stroke of one pixel in the middle
  const bytes = new Uint8Array(25);
  bytes[12] = 3;
  const tile = readClasses(bytes.buffer, 3, 3);
  const out = new Uint32Array(9);
  const look = { kind: "classes" as const, style: "fill" as const, colours: { 3: "#112233" } };
  paintTile(tile, look, out);
  expect([...out].map((pixel) => pixel !== 0)).toEqual([false, false, false, false, true, false, false, false, false]);
  paintTile(tile, { ...look, rim: true }, out);
  expect([...out].map((pixel) => pixel !== 0)).toEqual([false, true, false, true, true, true, false, true, false]);
  expect(out[4]).toBe(packPixel("#112233"));
  expect(out[1]! & 0xffffff).toBe(0);
});

test("a fading layer is transparent where it is low and has one colour elsewhere", () => {
  const out = new Uint32Array(4);
  paintFading(new Uint16Array([0, 32768, 65535, 10]), 0, 65535, packPixel("#ff0080"), out);
  expect([...out].map((pixel) => pixel >>> 24)).toEqual([0, 90, 255, 0]);
  expect(out[1]! & 0xffffff).toBe(packPixel("#ff0080") & 0xffffff);
});

test("under the cursor is what is painted, else what is predicted", () => {
  const list = new OverlayList({} as TileCache, (url) => url, () => undefined);
  const layer = (value: number, visible = true): Layer => ({ view: { visible, layer: { kind: "classes" } }, valueAt: () => value }) as unknown as Layer;
  const put = (...layers: Layer[]): void => void ((list as unknown as { layers: Layer[] }).layers = layers);
  put(layer(2), layer(1));
  expect(list.topmost("classes", 0, 0, new Camera())).toBe(1);
  put(layer(2), layer(0));
  expect(list.topmost("classes", 0, 0, new Camera())).toBe(2);
  put(layer(2, false), layer(0));
  expect(list.topmost("classes", 0, 0, new Camera())).toBe(0);
});

test("markers that are in view are drawn at their place, never too small to be seen, the active one last", () => {
  const arcs: number[][] = [];
  const texts: string[] = [];
  const nothing = (): void => undefined;
  const context = {
    canvas: { width: 200, height: 100 }, save: nothing, restore: nothing, beginPath: nothing, stroke: nothing, fill: nothing, setLineDash: nothing,
    arc: (x: number, y: number, radius: number) => void arcs.push([x, y, radius]), fillText: (text: string) => void texts.push(text),
  } as unknown as CanvasRenderingContext2D;
  const camera = new Camera();
  camera.resize(100, 200, 1);
  camera.setImage(100, 200);
  const marker = { y: 50, x: 100, radius: 20, text: "1", active: true };
  drawMarkers(context, camera, [marker, { ...marker, radius: 1, text: "2", active: false }, { ...marker, y: 900, text: "3" }]);
  expect(texts).toEqual(["2", "1"]);
  expect(arcs[0]![2]).toBe(9);
  expect(arcs[2]).toEqual([100.5, 50.5, 20]);
});
