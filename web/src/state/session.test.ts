import { afterEach, beforeEach, expect, test } from "vitest";
import { image, installFake, layer, recipe, result, settle, step } from "../../test/fake_server";
import { StubViewer } from "../../test/stub_viewer";
import { canStep, editState } from "./edits";
import { current, currentId, images, imagesKnown } from "./images";
import { connection, signedOut, tab, toasts } from "./page";
import { paint, paintKey, sendStroke, unsaved } from "./paint";
import { changeSettings, exactPreview, preview, previewProblem } from "./preview";
import { openedRecipe, recipes } from "./recipe";
import { openRun, select, selection, shownTable, sourceRun, table, tableKey } from "./results";
import { startSession } from "./session";
import { mountViewer } from "./stage";
import { planes, setLook, setPlane } from "./view";

let fake: ReturnType<typeof installFake>;
let stops: (() => void)[] = [];
let view: StubViewer;

async function until(test: () => boolean): Promise<void> {
  for (let at = 0; at < 500 && !test(); at++) await settle(2);
  expect(test()).toBe(true);
}

async function start(): Promise<void> {
  view = new StubViewer();
  stops = [mountViewer(view), startSession()];
  fake.socket().open();
  await until(() => fake.socket().requests.length > 0 || signedOut.value);
}

async function startPainting(): Promise<void> {
  await start();
  tab.value = "paint";
  await until(() => paintKey.value !== "");
}

beforeEach(() => {
  sessionStorage.clear();
  fake = installFake();
  images.value = [];
  imagesKnown.value = false;
  currentId.value = null;
  planes.value = {};
  recipes.value = [];
  openedRecipe.value = null;
  tab.value = "tune";
  toasts.value = [];
  preview.value = null;
  paint.value = null;
  paintKey.value = "";
  table.value = null;
  tableKey.value = "";
  sourceRun.value = "";
  editState.value = null;
  signedOut.value = false;
  connection.value = "first";
});

afterEach(() => {
  for (const stop of stops) stop();
  stops = [];
});

test("the first image is opened and an exact preview is asked for by itself", async () => {
  await start();
  expect(current.value?.name).toBe("one.tif");
  expect(view.image).toBe("a".repeat(16));
  expect(JSON.parse(fake.socket().sent[0] as string)).toMatchObject({ type: "hello" });
  expect(fake.socket().requests.map((one) => [one.request, one.level, one.layers])).toEqual([[expect.any(Number), 0, ["labels"]]]);
});

test("an old result does not replace a newer one, nor does one of another image", async () => {
  await start();
  const first = fake.socket().requests[0]!.request;
  changeSettings({ "threshold.smoothing": 3 }, true);
  changeSettings({ "threshold.smoothing": 4 }, true);
  fake.socket().tell(result({ request: first + 2, n_objects: 9 }));
  fake.socket().tell(result({ request: first + 1, n_objects: 5 }));
  expect(preview.value?.n_objects).toBe(9);
  changeSettings({}, true);
  fake.socket().tell(result({ request: first + 3, n_objects: 1, image: "b".repeat(16) }));
  expect(preview.value?.n_objects).toBe(9);
});

test("a dropped preview says nothing, a failed one says why and keeps the last result", async () => {
  await start();
  const first = fake.socket().requests[0]!.request;
  fake.socket().tell(result({ request: first }));
  changeSettings({ "threshold.smoothing": 3 }, true);
  fake.socket().tell({ type: "preview_error", request: first + 1, code: "dropped", message: "A newer one came." });
  expect(previewProblem.value).toBe("");
  changeSettings({ "threshold.smoothing": -3 }, true);
  fake.socket().tell({ type: "preview_error", request: first + 2, code: "setting", message: "smoothing is -3." });
  expect(previewProblem.value).toBe("smoothing is -3.");
  expect(preview.value?.n_objects).toBe(3);
});

test("labels of one frame are never drawn over another", async () => {
  fake.state.images = [image({ n_frames: 5 })];
  await start();
  fake.socket().tell(result({ request: fake.socket().requests[0]!.request }));
  expect(view.overlays.map((one) => one.id)).toEqual(["preview:labels"]);
  setPlane({ t: 2 });
  expect(view.overlays).toEqual([]);
  expect(exactPreview.value).toBeNull();
  const last = fake.socket().requests.at(-1)!;
  expect(last.t).toBe(2);
  fake.socket().tell(result({ request: last.request }));
  expect(view.overlays).toHaveLength(1);
});

test("a recipe that works at full size only has no coarse first look, and one without labels shows its classes", async () => {
  fake.state.images = [image({ height: 4000, width: 4000, n_levels: 4 })];
  await start();
  expect(fake.socket().requests.map((one) => one.level)).toEqual([2]);
  const own = recipe({ name: "scribbles", full_size_only: true, steps: [step("segment.learned", [], { writes: ["classes", "mask"] })] });
  recipes.value = [own];
  await until(() => fake.socket().requests.length > 1);
  expect(fake.socket().requests.slice(1).map((one) => [one.level, one.layers])).toEqual([[0, ["classes"]]]);
});

test("classes of a preview have the colours of their own legend, not those of the painter", async () => {
  await start();
  const colours = { 1: "#0072b2", 4: "#009e73" };
  const layers = [layer("classes", { kind: "classes", colours, names: { 1: "ground", 4: "disc" } }), layer("labels")];
  setLook("classes", { visible: true });
  fake.socket().tell(result({ request: fake.socket().requests.at(-1)!.request, layers, layer_names: ["classes", "labels"] }));
  expect(view.overlays.map((one) => one.id)).toEqual(["preview:classes", "preview:labels"]);
  expect(view.overlays[0]).toMatchObject({ visible: true, colours });
  setLook("classes", { visible: false });
});

test("the table of the exact preview comes with the tab, a picked object is selected in it", async () => {
  await start();
  fake.socket().tell(result({ request: fake.socket().requests[0]!.request }));
  expect(fake.calls.some((call) => call.path.includes("/objects"))).toBe(false);
  tab.value = "results";
  await until(() => shownTable.value !== null);
  expect(shownTable.value?.n).toBe(3);
  view.listeners["pick"]?.(2 as never, false as never);
  expect([...selection.value]).toEqual([2]);
  select(3, true);
  expect([...(view.overlays[0]?.highlight ?? [])]).toEqual([2, 3]);
  expect([...(view.overlays[0]?.doubtful ?? [])]).toEqual([2]);
});

test("a stroke is settled when its pixels are there, once, whichever of answer and message comes first", async () => {
  await startPainting();
  const stroke = { id: "s1", tool: "brush" as const, class_id: 1, radius: 3, points: [[1, 1]] as [number, number][], t: 0, z: 0 };
  sendStroke(stroke);
  fake.socket().tell({ type: "paint", image: "a".repeat(16), layer: "scribbles", t: 0, z: 0, author: "local", ...fake.state.ack });
  await until(() => view.calls.some((call) => call[0] === "settle"));
  expect(view.calls.filter((call) => call[0] === "refresh")).toEqual([["refresh", "paint", [0, 0, 10, 10], "1"]]);
  expect(view.calls.filter((call) => call[0] === "settle")).toEqual([["settle", "s1"]]);
  expect(paint.value).toMatchObject({ version: 1, n_strokes: 1, can_undo: true });
});

test("a missed version is caught up by asking what changed", async () => {
  await startPainting();
  fake.state.ack.version = 4;
  fake.socket().tell({ type: "paint", image: "a".repeat(16), layer: "scribbles", t: 0, z: 0, ...fake.state.ack });
  await until(() => view.calls.some((call) => call[0] === "refresh"));
  expect(fake.calls.some((call) => call.path.includes("/changes?t=0&z=0&since=0"))).toBe(true);
  expect(view.calls.filter((call) => call[0] === "refresh")).toEqual([["refresh", "paint", [0, 0, 5, 5], "4"]]);
});

test("a refused stroke loses its ink and is told in the server's words", async () => {
  await startPainting();
  fake.fail(/strokes/, 422, "The stroke lies outside the image.");
  sendStroke({ id: "s2", tool: "brush", points: [[-5, -5]], t: 0, z: 0 });
  await until(() => toasts.value.length > 0);
  expect(view.calls).toContainEqual(["settle", "s2"]);
  expect(toasts.value.map((toast) => toast.text)).toEqual(["The stroke lies outside the image."]);
  expect(unsaved.value.waiting).toBe(0);
});

test("a stroke survives a lost answer: the same id is sent again", async () => {
  await startPainting();
  fake.fail(/strokes/, 0);
  sendStroke({ id: "s3", tool: "brush", points: [[5, 5]], t: 0, z: 0 });
  await until(() => unsaved.value.waiting === 0);
  expect(fake.calls.filter((call) => call.path.includes("/strokes")).map((call) => (call.body as { id: string }).id)).toEqual(["s3", "s3"]);
});

test("after a lost connection everything is asked for anew", async () => {
  await start();
  const before = fake.calls.length;
  fake.state.images = [...fake.state.images, image({ id: "c".repeat(16), name: "three.tif" })];
  const old = fake.socket();
  old.close();
  await until(() => fake.socket() !== old);
  fake.socket().open();
  await until(() => images.value.length === 3 && fake.socket().requests.length === 1);
  expect(fake.calls.slice(before).map((call) => call.path)).toEqual(expect.arrayContaining(["/images", "/recipes", "/jobs", "/runs", "/classes", "/project"]));
  expect(images.value).toHaveLength(3);
  expect(fake.socket().requests).toHaveLength(1);
  expect(connection.value).toBe("open");
});

test("a browser that the server does not know is told to open the link", async () => {
  fake.fail(/project/, 401, "Not signed in.");
  await start();
  expect(signedOut.value).toBe(true);
  expect(toasts.value).toEqual([]);
});

test("layers are drawn with pictures below labels and points on top", async () => {
  await start();
  const layers = [layer("peaks", { kind: "points" }), layer("labels"), layer("relief", { kind: "image" })];
  fake.socket().tell(result({ request: fake.socket().requests[0]!.request, layers }));
  expect(view.overlays.map((one) => one.layer.name)).toEqual(["relief", "labels", "peaks"]);
});

test("what another author painted is shown, but is not yours to undo", async () => {
  await startPainting();
  const message = { type: "paint", image: "a".repeat(16), layer: "scribbles", t: 0, z: 0, ...fake.state.ack };
  fake.socket().tell({ ...message, author: "somebody", version: 1, can_undo: true });
  await until(() => view.calls.some((call) => call[0] === "refresh"));
  expect(paint.value).toMatchObject({ version: 1, n_strokes: 1, can_undo: false });
  // your own stroke of another tab, and then once more somebody else's who has nothing to undo
  fake.socket().tell({ ...message, author: "local", version: 2, n_strokes: 2, can_undo: true, can_redo: true });
  fake.socket().tell({ ...message, author: "somebody", version: 3, n_strokes: 3, can_undo: false, can_redo: false });
  await until(() => paint.value?.version === 3);
  expect(paint.value).toMatchObject({ n_strokes: 3, can_undo: true, can_redo: true });
});

const RUN = {
  id: "r1", title: "", recipe: "particles", assay: "" as const, created: "2026-01-01T00:00:00Z", n_objects: 3, edited: true, settings: {},
  images: [{ stem: "one", file: "one.tif", image: "a".repeat(16), n_frames: 1, n_objects: [3], has_objects: true, n_edits: 3, pixel_size: null, choices: [[]], classes: [[]], warnings: [] }],
};

async function openRunOfOne(): Promise<void> {
  fake.state.runs = [RUN];
  fake.state.table = { ...fake.state.table, version: 3 };
  await start();
  openRun("r1");
  await until(() => shownTable.value !== null && editState.value !== null);
}

test("whoever opens a run is told by the server what can be taken back, also after a reload", async () => {
  await openRunOfOne();
  expect(canStep.value).toEqual({ undo: true, redo: true });
});

test("corrections of another author are shown and leave your undo as the server says it is", async () => {
  await openRunOfOne();
  fake.state.edits = { ...fake.state.edits, version: 4, can_undo: true, can_redo: false };
  const theirs = { type: "edits", run: "r1", stem: "one", t: 0, author: "somebody", version: 4, dirty: [1, 1, 5, 5], n_objects: 2, n_edits: 4, can_undo: false, can_redo: true, new_labels: [] };
  fake.socket().tell(theirs);
  await until(() => editState.value?.version === 4);
  expect(canStep.value).toEqual({ undo: true, redo: false });
  await until(() => view.calls.some((call) => call[0] === "refresh"));
  expect(view.calls.filter((call) => call[0] === "refresh")).toEqual([["refresh", "run:labels", [1, 1, 5, 5], "4"]]);
  // a version between was missed: the whole picture is fetched anew
  fake.socket().tell({ ...theirs, author: "local", version: 6, can_undo: false });
  await until(() => view.calls.filter((call) => call[0] === "refresh").length === 2);
  expect(view.calls.filter((call) => call[0] === "refresh").at(-1)).toEqual(["refresh", "run:labels", [0, 0, 600, 800], "6"]);
  expect(canStep.value.undo).toBe(false);
});

test("a page that is loaded again stays at its image", async () => {
  sessionStorage.setItem("granum.image", "b".repeat(16));
  await start();
  await until(() => current.value !== null);
  expect(current.value?.name).toBe("two.tif");
});

test("an image that became ready before the socket was open is asked for again", async () => {
  fake.state.images = [image({ id: "file-1", status: "reading" })];
  view = new StubViewer();
  stops = [mountViewer(view), startSession()];
  await until(() => current.value?.status === "reading");
  fake.state.images = [image()];
  fake.socket().open();
  fake.socket().tell({ type: "hello", version: "1", author: "local" });
  await until(() => fake.socket().requests.length > 0);
  expect(fake.socket().requests[0]?.image).toBe("a".repeat(16));
});

test("a list that was made before a message came does not undo the message", async () => {
  fake.state.images = [image({ id: "file-1", status: "reading" })];
  view = new StubViewer();
  stops = [mountViewer(view), startSession()];
  fake.socket().open();
  // the first list is still on its way
  fake.socket().tell({ type: "images", images: [image()], removed: ["file-1"] });
  await until(() => imagesKnown.value);
  await until(() => current.value?.status === "ready");
  expect(images.value.map((one) => one.id)).toEqual(["a".repeat(16)]);
});

test("a stroke that is answered before the state of its plane has come is not lost from the screen", async () => {
  const answer = globalThis.fetch;
  let release: (() => void) | null = null;
  globalThis.fetch = (async (input: RequestInfo | URL, init?: RequestInit) => {
    const reply = await answer(input, init);
    if (/\/paint\/scribbles\?/.test(String(input))) await new Promise<void>((resolve) => (release = resolve));
    return reply;
  }) as typeof fetch;
  await start();
  tab.value = "paint";
  await until(() => release !== null);
  sendStroke({ id: "s1", tool: "brush", class_id: 1, radius: 3, points: [[1, 1]], t: 0, z: 0 });
  await until(() => fake.calls.some((call) => call.path.includes("/strokes")));
  await settle(2);
  expect(view.calls.some((call) => call[0] === "settle")).toBe(false); // the ink stays
  release!();
  await until(() => view.calls.some((call) => call[0] === "settle"));
  expect(paint.value).toMatchObject({ version: 1, n_strokes: 1, can_undo: true });
  expect(view.calls.filter((call) => call[0] === "refresh")).toEqual([["refresh", "paint", [0, 0, 10, 10], "1"]]);
});
