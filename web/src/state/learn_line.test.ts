// @vitest-environment node
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { prediction } from "../../test/fake_server";
import type { LearnLook } from "../api/types";
import { around, covers, LookSender, noPredictions, promote, takePrediction, type Look, type Predictions, type Window4 } from "./learn_line";

const VIEW: Window4 = [0, 0, 100, 200];
const look = (change: Partial<Look> = {}): Look => ({ image: "a".repeat(16), t: 0, z: 0, view: VIEW, model: "live", ...change });

/** Messages one after the other. */
function after(messages: Parameters<typeof prediction>[0][], from: Predictions = noPredictions, at = look()): Predictions {
  return messages.reduce((state, message) => takePrediction(state, prediction(message), at).next, from);
}

test("windows cover a view only when nothing is left of it", () => {
  expect(covers([], VIEW)).toBe(false);
  expect(covers([[0, 0, 100, 100], [0, 100, 100, 200]], VIEW)).toBe(true);
  expect(covers([[0, 0, 100, 100], [0, 101, 100, 200]], VIEW)).toBe(false);
  expect(covers([[0, 0, 60, 200], [40, 0, 100, 150], [50, 140, 120, 260]], VIEW)).toBe(true);
  expect(covers([], [5, 5, 5, 5])).toBe(true);
  expect(around([[4, 5, 6, 7], [1, 8, 2, 9]])).toEqual([1, 5, 6, 9]);
  expect(around([])).toBeNull();
});

test("coverage by windows is what counting pixels says", () => {
  let seed = 7;
  const random = (n: number): number => (seed = (seed * 48271) % 2147483647) % n;
  for (let round = 0; round < 200; round++) {
    const windows = Array.from({ length: 4 }, (): Window4 => {
      const [y, x] = [random(8), random(8)];
      return [y, x, y + 1 + random(8), x + 1 + random(8)];
    });
    let all = true;
    for (let y = 2; y < 7; y++) for (let x = 1; x < 8; x++) all &&= windows.some(([a, b, c, d]) => y >= a && y < c && x >= b && x < d);
    expect(covers(windows, [2, 1, 7, 8])).toBe(all);
  }
});

test("the first prediction is shown with its first window, the next one takes its place when it covers the view", () => {
  let state = after([{ key: "k1", ready: [] }]);
  expect(state.shown).toBeNull();
  state = after([{ key: "k1", ready: [[0, 0, 100, 64]] }], state);
  expect(state.shown?.message.key).toBe("k1");
  state = after([{ key: "k1", ready: [[0, 64, 100, 200]], complete: true }, { key: "k2", request: 2, ready: [[0, 0, 100, 64]] }], state);
  expect([state.shown?.message.key, state.coming?.message.key]).toEqual(["k1", "k2"]);
  state = after([{ key: "k2", request: 2, ready: [[0, 64, 100, 200]] }], state);
  expect([state.shown?.message.key, state.coming]).toEqual(["k2", null]);
  expect(state.shown?.ready).toHaveLength(2);
});

test("moving the view to where the new one is ready shows it", () => {
  const state = after([{ key: "k1", ready: [[0, 0, 100, 200]] }, { key: "k2", ready: [[0, 0, 50, 50]] }]);
  expect(promote(state, look()).shown?.message.key).toBe("k1");
  expect(promote(state, look({ view: [10, 10, 40, 40] })).shown?.message.key).toBe("k2");
});

test("a third prediction replaces the one that has not come, windows of different keys are never added up", () => {
  const state = after([
    { key: "k1", ready: [[0, 0, 100, 200]] }, { key: "k2", request: 2, ready: [[0, 0, 100, 100]] }, { key: "k3", request: 3, ready: [[0, 100, 100, 200]] },
  ]);
  expect([state.shown?.message.key, state.coming?.message.key, state.coming?.ready.length]).toEqual(["k1", "k3", 1]);
});

test("what comes late, from another plane or another model, counts for nothing", () => {
  const state = after([{ key: "k2", request: 5, ready: [[0, 0, 100, 200]] }]);
  for (const message of [
    { key: "k1", request: 4, ready: [[0, 0, 100, 200]] }, { key: "k9", request: 6, image: "b".repeat(16) }, { key: "k9", request: 6, z: 1 }, { key: "k9", request: 6, model: "search" },
  ]) expect(takePrediction(state, prediction(message), look()).next).toBe(state);
  expect(takePrediction(state, prediction({ key: "k9" }), null).next).toBe(state);
  // another model is looked at now: its first message counts whatever its number, and the colours change when it covers the view
  const other = (ready: number[][]) => takePrediction(state, prediction({ key: "k9", request: 1, model: "search", ready }), look({ model: "search" })).next;
  expect([other([[0, 0, 9, 9]]).shown?.message.key, other([[0, 0, 9, 9]]).coming?.message.key]).toEqual(["k2", "k9"]);
  expect(other([[0, 0, 100, 200]]).shown?.message.key).toBe("k9");
});

test("after undo the key of before is the newest again, and what was coming is dropped", () => {
  const state = after([{ key: "k1", ready: [[0, 0, 100, 200]] }, { key: "k2", request: 2, ready: [[0, 0, 9, 9]] }, { key: "k1", request: 3, complete: true }]);
  expect([state.shown?.message.key, state.shown?.message.complete, state.coming]).toEqual(["k1", true, null]);
});

test("windows that become ready refresh only their tiles, under a version of their own and the address of the first message", () => {
  const first = after([{ key: "k1", ready: [[0, 0, 10, 10]] }]);
  const message = prediction({ key: "k1", ready: [[10, 0, 20, 10], [10, 10, 20, 30]] });
  message.classes = { ...message.classes, version: "other" };
  const { next, refresh } = takePrediction(first, message, look());
  expect(refresh).toEqual([10, 0, 20, 30]);
  expect(next.shown?.version).toBe(2);
  expect(next.shown?.message.classes).toEqual(first.shown?.message.classes);
  const last = takePrediction(next, prediction({ key: "k1", complete: true, areas: { 1: 5 } }), look());
  expect([last.refresh, last.next.shown?.version, last.next.shown?.message.areas]).toEqual([null, 2, { 1: 5 }]);
});

test("a window that is none is left out", () => {
  expect(after([{ key: "k1", ready: [[], [1, 2, 3], [5, 5, 5, 9]] }]).shown).toBeNull();
});

let sent: LearnLook[] = [];
let connected = true;

beforeEach(() => {
  vi.useFakeTimers();
  sent = [];
  connected = true;
});
afterEach(() => vi.useRealTimers());

const sender = (): LookSender => new LookSender((one) => {
  if (connected) sent.push(one);
  return connected;
}, 100);

test("a view that moves is told once, when it rests; another plane or model at once", () => {
  const line = sender();
  line.want(look());
  expect(sent).toHaveLength(1);
  for (let at = 1; at <= 5; at++) {
    line.want(look({ view: [at, 0, 100 + at, 200] }));
    vi.advanceTimersByTime(60);
  }
  expect(sent).toHaveLength(1);
  vi.advanceTimersByTime(100);
  expect(sent.map((one) => [one.request, one.view?.[0]])).toEqual([[1, 0], [2, 5]]);
  line.want(look({ z: 3 }));
  line.want(look({ z: 3, model: "search" }));
  expect(sent.map((one) => one.request)).toEqual([1, 2, 3, 4]);
});

test("a view that comes back before it was told is not told", () => {
  const line = sender();
  line.want(look());
  line.want(look({ view: [9, 9, 19, 19] }));
  line.want(look());
  vi.advanceTimersByTime(500);
  expect(sent).toHaveLength(1);
});

test("asking again is at once, with the newest view, and the timer does not ask twice", () => {
  const line = sender();
  line.want(look());
  line.want(look({ view: [1, 1, 9, 9] }));
  line.again();
  vi.advanceTimersByTime(500);
  expect(sent.map((one) => one.view)).toEqual([[0, 0, 100, 200], [1, 1, 9, 9]]);
});

test("off is told once, and a sender that looks nowhere says nothing", () => {
  const line = sender();
  line.want(null);
  line.again();
  expect(sent).toEqual([]);
  line.want(look());
  line.want(null);
  line.want(null);
  expect(sent.map((one) => one.on)).toEqual([true, false]);
});

test("what could not be sent is sent again over the next connection", () => {
  const line = sender();
  connected = false;
  line.want(look());
  connected = true;
  line.want(look());
  expect(sent).toHaveLength(1);
  line.lost();
  line.want(look());
  expect(sent).toHaveLength(2);
});
