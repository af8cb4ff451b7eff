// @vitest-environment node
import { beforeEach, expect, test, vi } from "vitest";
import { TileCache, type CacheOptions, type Tile } from "./tile_cache";

interface Asked {
  url: string;
  signal: AbortSignal;
  answer: (response: Response) => void;
  fail: (error: Error) => void;
}

let asked: Asked[] = [];
let came: [string, Tile][] = [];

function cache(options: Partial<CacheOptions> = {}): TileCache {
  return new TileCache({
    onTile: (key, tile) => came.push([key, tile]),
    firstWait: 1,
    fetch: ((url: string, init: RequestInit) =>
      new Promise<Response>((answer, fail) => {
        asked.push({ url, signal: init.signal!, answer, fail });
        init.signal!.addEventListener("abort", () => fail(new DOMException("aborted", "AbortError")));
      })) as typeof fetch,
    ...options,
  });
}

const wants = (...keys: string[]) => keys.map((key) => ({ key, url: `/${key}` }));
const urls = (): string[] => asked.map(({ url }) => url);
const tile = (bytes = 8): Response => new Response(new ArrayBuffer(bytes), { headers: { "X-Tile-Shape": "2,2" } });

beforeEach(() => {
  asked = [];
  came = [];
});

test("tiles are asked for in the order of wanting, a few at once", async () => {
  const tiles = cache({ maxInFlight: 2 });
  tiles.want(wants("a", "b", "c"));
  expect(urls()).toEqual(["/a", "/b"]);
  asked[1]!.answer(tile());
  await vi.waitFor(() => expect(urls()).toEqual(["/a", "/b", "/c"]));
  expect(tiles.get("b")).toMatchObject({ state: "ready", rows: 2, columns: 2 });
  expect(came.map(([key]) => key)).toEqual(["b"]);
});

test("what is no longer wanted is aborted, what is still wanted is not asked for twice", async () => {
  const tiles = cache();
  tiles.want(wants("a", "b"));
  tiles.want(wants("b", "c"));
  expect(asked[0]!.signal.aborted).toBe(true);
  expect(asked[1]!.signal.aborted).toBe(false);
  expect(urls()).toEqual(["/a", "/b", "/c"]);
  asked[0]!.answer(tile());
  asked[1]!.answer(tile());
  await vi.waitFor(() => expect(came.length).toBe(1));
  expect(tiles.get("a")).toBeUndefined();
});

test("a server that is still reading is asked again until it is done", async () => {
  const tiles = cache();
  tiles.want(wants("a"));
  for (let i = 0; i < 6; i++) {
    await vi.waitFor(() => expect(asked.length).toBe(i + 1));
    asked[i]!.answer(new Response("{}", { status: 503 }));
  }
  await vi.waitFor(() => expect(asked.length).toBe(7));
  asked[6]!.answer(new Response(null, { status: 204 }));
  await vi.waitFor(() => expect(tiles.get("a")).toEqual({ state: "empty" }));
});

test("what the server refuses fails at once, what it does not answer after some tries", async () => {
  const tiles = cache({ forgetFailure: 1e6 });
  tiles.want(wants("a", "b"));
  asked[0]!.answer(new Response("", { status: 404 }));
  asked[1]!.fail(new TypeError("connection refused"));
  await vi.waitFor(() => expect(tiles.get("a")).toMatchObject({ state: "failed", reason: expect.stringContaining("404") }));
  for (let i = 2; i <= 4; i++) {
    await vi.waitFor(() => expect(asked.length).toBe(i + 1));
    asked[i]!.fail(new TypeError("connection refused"));
  }
  await vi.waitFor(() => expect(tiles.get("b")).toMatchObject({ state: "failed" }));
  tiles.want(wants("a", "b"));
  expect(asked.length).toBe(5);
});

test("a server that was away is asked again by itself", async () => {
  const tiles = cache({ forgetFailure: 5 });
  tiles.want(wants("a"));
  for (let i = 0; i < 4; i++) {
    await vi.waitFor(() => expect(asked.length).toBe(i + 1));
    asked[i]!.fail(new TypeError("connection refused"));
  }
  await vi.waitFor(() => expect(asked.length).toBe(5));
  asked[4]!.answer(tile());
  await vi.waitFor(() => expect(tiles.get("a")).toMatchObject({ state: "ready" }));
});

test("the bytes that are kept are bounded; the least recently used go first, the wanted never", () => {
  const tiles = cache({ maxBytes: 300 });
  const full = (): Tile => ({ state: "ready", data: new ArrayBuffer(100), rows: 1, columns: 1 });
  tiles.want(wants("a"));
  for (const key of ["a", "b", "c"]) tiles.put(key, full());
  tiles.get("b");
  tiles.put("d", full());
  tiles.put("e", full());
  expect(["a", "b", "c", "d", "e"].filter((key) => tiles.get(key))).toEqual(["a", "d", "e"]);
  expect(tiles.size).toBe(300);
});

test("a dropped tile is not asked for again with its old address", async () => {
  const tiles = cache({ maxInFlight: 1 });
  tiles.want(wants("a", "b"));
  tiles.drop((key) => key === "b");
  asked[0]!.answer(tile());
  await vi.waitFor(() => expect(came.length).toBe(1));
  expect(urls()).toEqual(["/a"]);
  tiles.want([{ key: "b", url: "/b?v=2" }]);
  expect(urls()).toEqual(["/a", "/b?v=2"]);
});

test("fetchNow goes past the queue, and is null when it is aborted", async () => {
  const tiles = cache({ maxInFlight: 1 });
  tiles.want(wants("a"));
  const controller = new AbortController();
  const got = tiles.fetchNow("/now", controller.signal);
  expect(urls()).toEqual(["/a", "/now"]);
  asked[1]!.answer(tile());
  expect(await got).toMatchObject({ state: "ready" });
  const other = tiles.fetchNow("/other", controller.signal);
  controller.abort();
  expect(await other).toBeNull();
});

test("after destroy nothing is asked for and nothing is told", async () => {
  const tiles = cache();
  tiles.want(wants("a"));
  tiles.destroy();
  expect(asked[0]!.signal.aborted).toBe(true);
  tiles.want(wants("b"));
  expect(asked.length).toBe(1);
});
