import { afterEach, beforeEach, expect, test } from "vitest";
import { image, installFake, run, settle } from "../../test/fake_server";
import { StubViewer } from "../../test/stub_viewer";
import { currentId, images } from "./images";
import { connection, tab } from "./page";
import { openRun, sourceRun, table, tableKey } from "./results";
import { areasOnly, runClasses, runClassLayer } from "./run_classes";
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

/** Open a run in the results. */
async function start(part: Parameters<typeof run>[0] = {}): Promise<void> {
  fake.state.runs = [run(part)];
  view = new StubViewer();
  stops = [mountViewer(view), startSession()];
  fake.socket().open();
  await until(() => images.value.length > 0 && fake.calls.some((call) => call.path === "/runs"));
  await settle(2);
  openRun("r1");
}

const shown = () => view.overlays.map((one) => [one.id, one.visible]);

beforeEach(() => {
  sessionStorage.clear();
  fake = installFake();
  images.value = [];
  currentId.value = null;
  planes.value = {};
  layerLooks.value = {};
  overlaysOn.value = true;
  runClassLayer.value = null;
  sourceRun.value = "";
  table.value = null;
  tableKey.value = "";
  tab.value = "tune";
  connection.value = "first";
});

afterEach(() => {
  for (const stop of stops) stop();
  stops = [];
});

test("classes of a run lie below its objects, in the colours of the run, when they are asked for", async () => {
  await start();
  await until(() => view.overlays.length === 2);
  expect(shown()).toEqual([["run:classes", false], ["run:labels", true]]);
  expect(view.overlays[0]?.colours).toEqual({ 1: "#e69f00", 4: "#009e73" });
  setLook("classes", { visible: true });
  expect(shown()[0]).toEqual(["run:classes", true]);
});

test("a run of areas only shows its classes by itself, and asks for no labels, which it may not have", async () => {
  await start({ images: [{ ...run().images[0]!, n_objects: [0], has_objects: false }] });
  await until(() => view.overlays.length === 1);
  expect([areasOnly.value, shown()]).toEqual([true, [["run:classes", true]]]);
  expect(fake.calls.filter((call) => call.path.includes("/labels"))).toEqual([]);
});

test("a run without classes asks for none, and classes of one image are not shown on another", async () => {
  fake.state.images = [image(), image({ id: "b".repeat(16), name: "two.tif" })];
  const plain = run().images[0]!;
  await start({ images: [plain, { ...plain, stem: "two", image: "b".repeat(16), classes: [[]] }] });
  await until(() => view.overlays.length === 2);
  currentId.value = "b".repeat(16);
  await until(() => tableKey.value.includes("two"));
  await settle(2);
  expect([runClasses.value, shown()]).toEqual([[], [["run:labels", true]]]);
  expect(fake.calls.filter((call) => call.path.includes("/classes?")).map((call) => call.path)).toEqual(["/runs/r1/images/one/classes?t=0"]);
});
