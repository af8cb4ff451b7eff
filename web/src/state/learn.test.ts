import { afterEach, beforeEach, expect, test } from "vitest";
import { image, installFake, learnState, model, prediction, search, settle, trial } from "../../test/fake_server";
import { StubViewer } from "../../test/stub_viewer";
import { currentId, images } from "./images";
import {
  areas, elapsed, goToSuggestion, hesitation, learn, learning, liveOn, livePlain, lookedModel, lookModel, lookProblem, noSuggestion, predicted, predictions, shown, startSearch, stepSuggestion, suggestionAt,
} from "./learn";
import { noPredictions } from "./learn_line";
import { connection, tab, toasts } from "./page";
import { classes, paint, paintKey } from "./paint";
import { startSession } from "./session";
import { mountViewer } from "./stage";
import { layerLooks, overlaysOn, planes, setLook } from "./view";

let fake: ReturnType<typeof installFake>;
let stops: (() => void)[] = [];
let view: StubViewer;

async function until(test: () => boolean): Promise<void> {
  for (let at = 0; at < 500 && !test(); at++) await settle(2);
  expect(test()).toBe(true);
}

/** The page on the tab Paint, with the plane loaded and looked at. */
async function start(): Promise<void> {
  view = new StubViewer();
  stops = [mountViewer(view), startSession()];
  fake.socket().open();
  tab.value = "paint";
  await until(() => paintKey.value !== "" && fake.socket().looks.length > 0 && learn.value !== null);
}

const predict = (part: Parameters<typeof prediction>[0] = {}): void => fake.socket().tell(prediction({ request: fake.socket().looks.at(-1)!.request, ...part }));
const whole = [[0, 0, 600, 800]];
const spots = [{ y: 50, x: 60, radius: 20, class_ids: [1, 2], reason: "it hesitates" }, { y: 500, x: 700, radius: 10, class_ids: [2, 1], reason: "nothing is painted near" }];

beforeEach(() => {
  sessionStorage.clear();
  fake = installFake();
  images.value = [];
  currentId.value = null;
  planes.value = {};
  layerLooks.value = {};
  overlaysOn.value = true;
  learn.value = null;
  liveOn.value = true;
  lookModel.value = "live";
  lookProblem.value = "";
  predictions.value = noPredictions;
  predicted.value = null;
  suggestionAt.value = noSuggestion;
  paint.value = null;
  paintKey.value = "";
  toasts.value = [];
  tab.value = "tune";
  connection.value = "first";
});

afterEach(() => {
  for (const stop of stops) stop();
  stops = [];
});

test("on the tab Paint the view is told, and not on the others", async () => {
  await start();
  expect(fake.socket().looks.at(-1)).toMatchObject({ on: true, image: "a".repeat(16), t: 0, z: 0, view: [0, 0, 600, 800], model: "live" });
  tab.value = "runs";
  expect(fake.socket().looks.at(-1)).toMatchObject({ on: false });
  tab.value = "paint";
  liveOn.value = false;
  expect(fake.socket().looks.at(-1)).toMatchObject({ on: false });
});

test("the prediction lies below the strokes, which get a rim; switched off it is gone", async () => {
  await start();
  predict({ ready: whole });
  expect(view.overlays.map((one) => [one.id, one.visible])).toEqual([["learn:classes", true], ["learn:uncertainty", false], ["paint", true]]);
  expect(view.overlays[0]?.colours).toEqual({ 1: "#e69f00", 2: "#56b4e9" });
  expect(view.overlays[2]?.rim).toBe(true);
  setLook("prediction", { visible: false });
  expect(view.overlays[2]?.rim).toBe(false);
  liveOn.value = false;
  expect(view.overlays.map((one) => one.id)).toEqual(["paint"]);
});

test("a new prediction replaces the old one when it covers the view, and further windows refresh only their tiles", async () => {
  await start();
  predict({ key: "k1", ready: whole, complete: true, areas: { 1: 100, 2: 300 } });
  const url = () => view.overlays[0]?.layer.url;
  expect(url()).toContain("k1");
  predict({ key: "k2", ready: [[0, 0, 600, 400]] });
  expect(url()).toContain("k1");
  expect([learning.value, areas.value?.stale, areas.value?.areas]).toEqual([true, true, { 1: 100, 2: 300 }]);
  predict({ key: "k2", ready: [[0, 400, 600, 800]] });
  expect(url()).toContain("k2");
  view.calls = [];
  predict({ key: "k2", ready: [[600, 0, 900, 10]], complete: true, areas: { 1: 40 } });
  const refreshed = view.calls.filter((call) => call[0] === "refresh");
  expect(refreshed.map((call) => call.slice(1, 3))).toEqual([["learn:classes", [600, 0, 900, 10]], ["learn:uncertainty", [600, 0, 900, 10]]]);
  // the version that was refreshed is the one of the layer: the viewer does not fetch all tiles once more
  expect(view.overlays[0]?.layer.version).toBe(refreshed[0]?.[3]);
  expect([learning.value, areas.value?.stale, areas.value?.total]).toEqual([false, false, 40]);
});

test("a prediction of another image is not shown on this one", async () => {
  fake.state.images = [image(), image({ id: "b".repeat(16), name: "two.tif" })];
  await start();
  predict({ ready: whole, complete: true, areas: { 1: 5 } });
  currentId.value = "b".repeat(16);
  await until(() => paintKey.value.startsWith("b"));
  expect([shown.value, areas.value, view.overlays.map((one) => one.id)]).toEqual([null, null, ["paint"]]);
  expect(fake.socket().looks.at(-1)).toMatchObject({ image: "b".repeat(16) });
});

test("places to paint next are marked, a click goes there, and they stay until the next ones come", async () => {
  await start();
  predict({ ready: whole, complete: true, areas: { 1: 5 }, suggestions: spots });
  expect(view.markers.map((one) => [one.text, one.y, one.x, one.radius, one.active])).toEqual([["1", 50, 60, 20, false], ["2", 500, 700, 10, false]]);
  goToSuggestion(1);
  expect(view.calls.at(-1)).toEqual(["centreOn", 500, 700, 7]);
  expect(view.markers[1]?.active).toBe(true);
  stepSuggestion(1);
  expect(suggestionAt.value).toBe(0);
  predict({ key: "k2", ready: whole });
  expect(view.markers).toHaveLength(2);
  predict({ key: "k2", complete: true, suggestions: [] });
  expect([view.markers.length, suggestionAt.value]).toEqual([0, noSuggestion]);
  stepSuggestion(1);
  expect(suggestionAt.value).toBe(noSuggestion);
});

test("between what the model hesitates is told by name", () => {
  classes.value = [{ id: 1, name: "pore", colour: "#000000" }, { id: 2, name: "matrix", colour: "#ffffff" }];
  expect(hesitation({ y: 0, x: 0, radius: 1, reason: "", class_ids: [2, 1] })).toBe("matrix or pore");
  expect(hesitation({ y: 0, x: 0, radius: 1, reason: "", class_ids: [1, 2, 9] })).toBe("pore, matrix or class 9");
});

test("why nothing can be learnt is told, and an error of the newest look only", async () => {
  await start();
  fake.socket().tell({ type: "learn", state: learnState({ problem: "one class only" }) });
  expect([livePlain.value, learning.value]).toEqual(["one class only", false]);
  fake.socket().tell({ type: "learn", state: learnState() });
  const request = fake.socket().looks.at(-1)!.request;
  fake.socket().tell({ type: "learn_error", request: request - 1, code: "x", message: "old" });
  expect(lookProblem.value).toBe("");
  fake.socket().tell({ type: "learn_error", request, code: "x", message: "no memory" });
  expect(lookProblem.value).toBe("no memory");
  predict({ ready: whole });
  expect(lookProblem.value).toBe("");
});

test("a model that is gone, or has a problem, is not looked at", async () => {
  await start();
  fake.socket().tell({ type: "learn", state: learnState({ models: [model(), model({ name: "bad", problem: "truncated" })], search: search() }) });
  lookModel.value = "model:phases";
  expect(lookedModel.value).toBe("model:phases");
  expect(fake.socket().looks.at(-1)?.model).toBe("model:phases");
  // a saved model needs no strokes
  fake.socket().tell({ type: "learn", state: learnState({ problem: "nothing is painted", models: [model()] }) });
  expect(livePlain.value).toBe("");
  lookModel.value = "model:bad";
  expect(lookedModel.value).toBe("live");
  lookModel.value = "search";
  expect(lookedModel.value).toBe("live");
  fake.socket().tell({ type: "learn", state: learnState({ search: search({ leaderboard: [trial({ is_best: true })] }) }) });
  expect(lookedModel.value).toBe("search");
  lookModel.value = "model:phases";
  expect([lookedModel.value, fake.socket().looks.at(-1)?.model]).toEqual(["live", "live"]);
});

test("the clock of a search goes on between two messages and ends with the budget", () => {
  expect(elapsed(search({ state: "running", elapsed_s: 4, budget_s: 30 }), 1000, 3500)).toBe(6.5);
  expect(elapsed(search({ state: "running", elapsed_s: 29, budget_s: 30 }), 1000, 9000)).toBe(30);
  expect(elapsed(search({ state: "done", elapsed_s: 12, budget_s: 30 }), 1000, 9000)).toBe(12);
});

test("a search that cannot start says why", async () => {
  await start();
  fake.fail(/learn\/search/, 409, "a search runs already");
  await startSearch(30);
  expect(toasts.value.map((one) => one.text)).toEqual(["A search runs already"]);
  fake.state.learn = learnState({ search: search({ state: "running", id: "s2" }) });
  await startSearch(12);
  expect(fake.calls.at(-1)).toMatchObject({ method: "POST", path: "/learn/search", body: { budget_s: 12 } });
  expect(learn.value?.search?.id).toBe("s2");
});

test("after a lost connection the view is told again", async () => {
  await start();
  const before = fake.socket();
  before.close();
  await until(() => fake.socket() !== before);
  fake.socket().open();
  expect(fake.socket().looks.at(-1)).toMatchObject({ on: true, image: "a".repeat(16) });
});
