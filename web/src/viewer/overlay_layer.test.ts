// @vitest-environment node
import { beforeEach, expect, test, vi } from "vitest";
import type { LayerInfo } from "../api/types";
import { Camera } from "./camera";
import type { OverlayView } from "./interface";
import { layerUrl } from "./layer";
import { OverlayLayer } from "./overlay_layer";
import { TileCache } from "./tile_cache";

// what the layer needs of a browser: pixels that can be put and drawn
let painted = 0;
vi.stubGlobal("ImageData", class {
  data: Uint8ClampedArray;
  constructor(readonly width: number, readonly height: number) {
    this.data = new Uint8ClampedArray(4 * width * height);
  }
});
vi.stubGlobal("document", { createElement: () => ({ width: 0, height: 0, getContext: () => ({ putImageData: () => painted++ }) }) });

let drawn: unknown[] = [];
const nothing = (): void => undefined;
const plain = {
  save: nothing, restore: nothing, beginPath: nothing, rect: nothing, clip: nothing, moveTo: nothing, lineTo: nothing, stroke: nothing,
  canvas: { width: 1024, height: 1024 },
  globalAlpha: 1,
  drawImage: (canvas: unknown) => void drawn.push([canvas, plain.globalAlpha]),
};
const context = plain as unknown as CanvasRenderingContext2D;

interface Asked {
  url: string;
  answer: (label: number) => void;
  signal: AbortSignal;
}
let asked: Asked[] = [];
let redraws = 0;

const SIDE = 1024;
const info: LayerInfo = {
  name: "labels", kind: "labels", url: "/p", level: 0, n_levels: 2, height: SIDE, width: SIDE, value_scale: 1, value_offset: 0,
  low: 0, high: 1, colours: {}, names: {}, version: "1",
};
const look = (change: Partial<OverlayView> = {}, layer: Partial<LayerInfo> = {}): OverlayView => ({
  id: "paint", layer: { ...info, ...layer }, visible: true, opacity: 0.5, style: "fill", ...change,
});

function setUp(): { layer: OverlayLayer; camera: Camera; ask: () => void } {
  const cache = new TileCache({
    onTile: () => undefined,
    maxInFlight: 9,
    fetch: ((url: string, init: RequestInit) =>
      new Promise<Response>((resolve, reject) => {
        const answer = (label: number): void => {
          const body = label ? new Uint32Array(514 * 514).fill(label) : null;
          resolve(new Response(body, { status: label ? 200 : 204, headers: { "X-Tile-Shape": "514,514" } }));
        };
        asked.push({ url, answer, signal: init.signal! });
        init.signal!.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")));
      })) as typeof fetch,
  });
  const camera = new Camera();
  camera.resize(SIDE, SIDE, 1);
  camera.setImage(SIDE, SIDE);
  const layer = new OverlayLayer(look(), "image", cache, (url) => url, () => {
    redraws++;
    layer.draw(context, camera);
  });
  return { layer, camera, ask: () => cache.want(layer.wanted(camera)) };
}

const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

/** A layer with all four tiles on screen, of class 1. */
async function filled(): Promise<ReturnType<typeof setUp>> {
  const made = setUp();
  made.ask();
  for (const { answer } of asked) answer(1);
  await settle();
  expect(made.layer.draw(context, made.camera)).toBe(true);
  asked = [];
  drawn = [];
  painted = 0;
  return made;
}

beforeEach(() => {
  asked = [];
  drawn = [];
  redraws = 0;
});

test("the version is part of the address, also beside other keys", () => {
  expect(layerUrl("/p", "0/1/2", "7 a")).toBe("/p/0/1/2?v=7%20a");
  expect(layerUrl("/p?t=3", "0/1/2", "7")).toBe("/p/0/1/2?t=3&v=7");
  expect(layerUrl("/p", "", "")).toBe("/p");
});

test("a refresh asks only for the tiles on screen that the change touches, with the new version", async () => {
  const { layer, camera, ask } = await filled();
  const done = layer.refresh([10, 10, 20, 20], "2", camera);
  ask();
  expect(asked.map(({ url }) => url)).toEqual(["/p/0/0/0?v=2"]);
  expect(layer.valueAt(15, 15, camera)).toBe(1);
  asked[0]!.answer(3);
  await done;
  expect(layer.valueAt(15, 15, camera)).toBe(3);
  expect(redraws).toBe(1);
  ask();
  expect(asked.length).toBe(1);
});

test("tiles of one change are swapped together, when the last one is here", async () => {
  const { layer, camera } = await filled();
  const done = layer.refresh([500, 100, 530, 110], "2", camera);
  expect(asked.map(({ url }) => url)).toEqual(["/p/0/0/0?v=2", "/p/0/1/0?v=2"]);
  asked[1]!.answer(3);
  await settle();
  expect([layer.valueAt(505, 105, camera), layer.valueAt(525, 105, camera), redraws]).toEqual([1, 1, 0]);
  asked[0]!.answer(3);
  await done;
  expect([layer.valueAt(505, 105, camera), layer.valueAt(525, 105, camera), redraws]).toEqual([3, 3, 1]);
});

test("an older answer that comes late does not cover a newer one", async () => {
  const { layer, camera } = await filled();
  const first = layer.refresh([0, 0, 5, 5], "2", camera);
  const second = layer.refresh([0, 0, 5, 5], "3", camera);
  asked[1]!.answer(5);
  await second;
  await first;
  asked[0]!.answer(4);
  await settle();
  expect(layer.valueAt(2, 2, camera)).toBe(5);
});

test("a change that is not on screen is fetched when it comes into view, not before", async () => {
  const { layer, camera, ask } = await filled();
  camera.centreOn(100, 100, 8);
  await layer.refresh([900, 900, 950, 950], "2", camera);
  ask();
  expect(asked).toEqual([]);
  camera.fit();
  ask();
  expect(asked.map(({ url }) => url)).toEqual(["/p/0/1/1?v=2"]);
});

test("a change of nothing, or of a hidden overlay, is done at once", async () => {
  const { layer, camera } = await filled();
  await layer.refresh([], "2", camera);
  await layer.refresh([5, 5, 5, 9], "3", camera);
  layer.update(look({ visible: false }), "image");
  await layer.refresh([0, 0, 5, 5], "4", camera);
  expect(asked).toEqual([]);
});

test("opacity, highlight and visibility fetch nothing and paint no tile anew", async () => {
  const { layer, camera, ask } = await filled();
  expect(layer.update(look({ opacity: 0.9 }), "image")).toBe(true);
  expect(layer.update(look({ opacity: 0.9 }), "image")).toBe(false);
  layer.draw(context, camera);
  ask();
  expect([asked.length, painted]).toEqual([0, 0]);
  layer.update(look({ highlight: new Set([77]) }), "image");
  drawn = [];
  layer.draw(context, camera);
  expect(painted).toBe(0);
  expect(drawn.map((one) => (one as [unknown, number])[1])).toEqual([0.15, 0.15, 0.15, 0.15]);
  layer.update(look({ highlight: new Set([1]) }), "image");
  drawn = [];
  layer.draw(context, camera);
  expect([painted, drawn.length]).toEqual([4, 8]);
  ask();
  expect(asked).toEqual([]);
});

test("a version that a refresh has brought already is not fetched again", async () => {
  const { layer, camera, ask } = await filled();
  const done = layer.refresh([0, 0, 5, 5], "2", camera);
  asked[0]!.answer(2);
  await done;
  layer.update(look({}, { version: "2" }), "image");
  ask();
  expect(asked.length).toBe(1);
  layer.update(look({}, { version: "9" }), "image");
  ask();
  expect(asked.length).toBe(5);
});

test("when the address changes, the old tiles stay until all of the new ones are here", async () => {
  const { layer, camera, ask } = await filled();
  layer.update(look({}, { url: "/q" }), "image");
  ask();
  expect(asked.map(({ url }) => url.slice(0, 2))).toEqual(["/q", "/q", "/q", "/q"]);
  for (const { answer } of asked.slice(0, 3)) answer(2);
  await settle();
  drawn = [];
  expect(layer.draw(context, camera)).toBe(false);
  expect([drawn.length, layer.valueAt(5, 5, camera)]).toEqual([4, 1]);
  asked[3]!.answer(2);
  await settle();
  expect(layer.draw(context, camera)).toBe(true);
  expect(layer.valueAt(5, 5, camera)).toBe(2);
});

test("nothing of one picture is seen on another", async () => {
  const { layer, camera, ask } = await filled();
  layer.update(look({}, { url: "/q" }), "another");
  ask();
  drawn = [];
  layer.draw(context, camera);
  expect([drawn.length, layer.valueAt(5, 5, camera)]).toEqual([0, 0]);
});

test("a tile of the wrong size is a failure, not a shifted picture", async () => {
  const { layer, camera, ask } = setUp();
  layer.update(look({}, { height: 700 }), "image");
  camera.setImage(700, SIDE);
  layer.update(look({}, { height: 700, url: "/small" }), "image");
  ask();
  for (const { answer } of asked) answer(1);
  await settle();
  layer.draw(context, camera);
  expect(layer.valueAt(600, 5, camera)).toBe(0);
  expect(layer.valueAt(100, 5, camera)).toBe(1);
});
