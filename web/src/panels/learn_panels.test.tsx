import axe from "axe-core";
import { render, type ComponentChild } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, test } from "vitest";
import { image, installFake, learnState, model, objects, recipe, report, run, search, setting, settle, step, trial } from "../../test/fake_server";
import { StubViewer } from "../../test/stub_viewer";
import { currentId, images, imagesKnown, project } from "../state/images";
import { budget, learn, liveOn, lookModel, lookProblem, predicted, predictions, suggestionAt, suggestionsOn } from "../state/learn";
import { noPredictions } from "../state/learn_line";
import { question, tab } from "../state/page";
import { classes, paint, paintKey } from "../state/paint";
import { runs } from "../state/jobs";
import { recipes } from "../state/recipe";
import { sourceRun, table } from "../state/results";
import { makeTable } from "../state/table";
import { lookOf, setLook } from "../state/view";
import { useViewerMaker } from "../viewer_place";
import { App } from "./app";
import { percentText } from "./class_list";
import { PaintPanel } from "./paint";
import { ResultsPanel } from "./results";
import { budgetText } from "./search";

let place: HTMLElement;
let fake: ReturnType<typeof installFake>;
const PLANE = `${"a".repeat(16)}/0/0`;
const HOSTILE = `<img src=x onerror="window.hit=1">`;

beforeEach(() => {
  fake = installFake();
  document.body.innerHTML = "";
  place = document.body.appendChild(document.createElement("div"));
  images.value = [image({ pixel_size: { y: 0.5, x: 0.5, unit: "nm", source: "file" } }), image({ id: "b".repeat(16), name: "two.tif" })];
  imagesKnown.value = true;
  currentId.value = "a".repeat(16);
  project.value = fake.state.project;
  recipes.value = [recipe(), recipe({ name: "scribbles", steps: [step("learned", [setting({ name: "model", kind: "text" })])] })];
  classes.value = fake.state.classes;
  paint.value = { layer: { name: "paint", kind: "classes", url: "/x", level: 0, n_levels: 1, height: 600, width: 800, value_scale: 1, value_offset: 0, low: 0, high: 1, colours: {}, names: {}, version: "1" }, version: 3, n_strokes: 4, can_undo: true, can_redo: false, areas: { 1: 1234 } };
  paintKey.value = PLANE;
  learn.value = learnState();
  liveOn.value = true;
  lookModel.value = "live";
  lookProblem.value = "";
  predictions.value = noPredictions;
  predicted.value = null;
  suggestionsOn.value = true;
  suggestionAt.value = -1;
  budget.value = 30;
  question.value = null;
  tab.value = "paint";
  useViewerMaker(() => new StubViewer());
});

afterEach(() => render(null, place));

function show(what: ComponentChild = <PaintPanel />): HTMLElement {
  act(() => render(what, place));
  return place;
}

const button = (name: string | RegExp): HTMLButtonElement =>
  [...place.querySelectorAll("button")].find((one) => {
    const text = one.getAttribute("aria-label") ?? one.textContent ?? "";
    return typeof name === "string" ? text === name : name.test(text);
  }) as HTMLButtonElement;

const complete = (): void => {
  predicted.value = {
    plane: PLANE, key: "k1", areas: { 1: 120_000, 2: 360_000 },
    suggestions: [{ y: 5, x: 5, radius: 9, class_ids: [1, 2], reason: "both are as likely" }, { y: 9, x: 9, radius: 9, class_ids: [2, 1], reason: "far from all strokes" }],
  };
};

test("what to do is said while nothing, or one class only, is painted", () => {
  learn.value = learnState({ painted: [], problem: "nothing is painted yet" });
  show();
  expect(place.textContent).toContain("draw a short stroke");
  expect(place.querySelector(".live .tag")?.textContent).toBe("waits for strokes");
  expect(button(/^Search for/).disabled).toBe(true);
  expect(place.querySelector(".suggestions")).toBeNull();
  act(() => void (learn.value = learnState({ painted: [{ ...learnState().painted[0]!, areas: { 1: 40 } }], problem: "only object is painted" })));
  expect(place.textContent).toContain("strokes of another class");
  expect(place.textContent).toContain("Only object is painted");
});

test("painted and predicted areas stand beside each class, in pixels, percent and the unit of the image", () => {
  show();
  expect(place.querySelectorAll(".class-predicted")).toHaveLength(2);
  act(complete);
  const row = place.querySelector(".class-row")!.textContent!;
  expect(row).toContain("1,234 px");
  expect(row).toContain("25.0 %");
  expect(row).toContain("120,000 px · 30,000 nm²");
  act(() => void (liveOn.value = false));
  expect(place.querySelector(".class-predicted")).toBeNull();
});

test("percents never say that nothing is there when something is", () => {
  expect([percentText(0, 10), percentText(1, 100_000), percentText(1, 3), percentText(1, 0)]).toEqual(["0.0 %", "< 0.1 %", "33.3 %", "–"]);
});

test("a place to paint next tells between which classes the model hesitates, and why", () => {
  complete();
  show();
  const second = button(/^Place 2/);
  expect(second.getAttribute("aria-label")).toBe("Place 2: background or object. Far from all strokes");
  act(() => void second.dispatchEvent(new FocusEvent("focus")));
  expect(place.querySelector(".place-told")?.textContent).toContain("background or object?");
  act(() => button("Show the places in the image").click());
  expect(suggestionsOn.value).toBe(false);
});

test("lines are drawn stronger than areas", () => {
  show();
  act(() => place.querySelector<HTMLInputElement>(".live input[value=outline]")!.click());
  expect(lookOf("prediction")).toMatchObject({ style: "outline", opacity: 0.95 });
  act(() => place.querySelector<HTMLInputElement>(".live input[value=fill]")!.click());
  expect(lookOf("prediction")).toMatchObject({ style: "fill", opacity: 0.4 });
  act(() => button("Show unsure places").click());
  expect(lookOf("uncertainty").visible).toBe(true);
  setLook("uncertainty", { visible: false });
});

test("the budget is one of four or typed, and stays within what the server takes", async () => {
  show();
  act(() => place.querySelector<HTMLInputElement>("input[value='1200']")!.click());
  expect(button("Search for 20 min")).toBeTruthy();
  act(() => place.querySelector<HTMLInputElement>(".search input[value=other]")!.click());
  const field = place.querySelector<HTMLInputElement>(".search input[type=number]")!;
  for (const [typed, kept] of [["0", 1], ["", 1], ["90", 90], ["1e9", 86_400]] as const) {
    act(() => {
      field.value = typed;
      field.dispatchEvent(new Event("change", { bubbles: true }));
    });
    expect(budget.value).toBe(kept);
  }
  expect([budgetText(5), budgetText(90), budgetText(120), budgetText(1200)]).toEqual(["5 s", "1 min 30 s", "2 min", "20 min"]);
  act(() => void (budget.value = 5));
  act(() => button("Search for 5 s").click());
  await settle(2);
  expect(fake.calls).toContainEqual({ method: "POST", path: "/learn/search", body: { budget_s: 5 } });
});

test("while it searches: time left, what was tried with scores, and a button that keeps the best", async () => {
  learn.value = learnState({ search: search({ state: "running", elapsed_s: 10, n_trials: 4, stage: "testing QDA", leaderboard: [trial({ is_best: true }), trial({ number: 2, family: "qda", description: "quadratic discriminant analysis", state: "pruned", miou: null }), trial({ number: 3, state: "failed", miou: null }), trial({ number: 4, low: null, high: null })] }) });
  show();
  expect(place.querySelector(".search progress")).toBeTruthy();
  expect(place.textContent).toContain("4 tried");
  const rows = [...place.querySelectorAll(".leaderboard tbody tr")].map((row) => row.textContent);
  expect(rows[0]).toContain("LightGBMbest");
  expect(rows[0]).toContain("0.720.66 – 0.77");
  expect([rows[1]?.includes("Quadratic discriminant analysis"), rows[1]?.includes("stopped early"), rows[2]?.includes("failed")]).toEqual([true, true, true]);
  expect(rows[3]).toContain("0.721.4 s");
  act(() => button("Stop and keep the best").click());
  await settle(2);
  expect(fake.calls.map((call) => call.path)).toContain("/learn/search/stop");
  act(() => button("Look at the best in the image").click());
  expect(lookModel.value).toBe("search");
});

test("a search that failed says why and can be started again", () => {
  learn.value = learnState({ search: search({ state: "failed", message: "no memory is left", leaderboard: [], report: null }) });
  show();
  expect(place.querySelector(".search .note.bad")?.textContent).toContain("No memory is left");
  expect(button("Search for 30 s").disabled).toBe(false);
});

test("a search and a model that do not know the newest strokes say so", () => {
  learn.value = learnState({ search: search(), models: [model()] });
  lookModel.value = "search";
  expect(show().textContent).not.toMatch(/Strokes have changed/);
  act(() => void (learn.value = learnState({ search: search({ is_older: true }), models: [model({ is_older: true })] })));
  const told = [...place.querySelectorAll("p")].map((one) => one.textContent ?? "").filter((text) => text.startsWith("Strokes have changed since"));
  expect(told).toHaveLength(3);
});

test("the score is told as an estimate, with its interval, per class and as a confusion matrix that is read without colours", () => {
  learn.value = learnState({ search: search({ report: report({ warnings: ["few strokes"] }) }) });
  show();
  const score = place.querySelector(".score")!;
  expect(score.textContent).toContain("estimate");
  expect(score.textContent).toContain("95 % interval 0.66 to 0.77");
  expect(score.textContent).toContain("Each of 2 images was left out in turn.");
  expect(score.textContent).toContain("Few strokes");
  expect(score.querySelector(".score-bar")?.getAttribute("aria-label")).toBe("mIoU 0.72, 95 % interval 0.66 to 0.77");
  expect([...score.querySelectorAll(".confusion td.number")].map((cell) => cell.textContent)).toEqual(["93", "7", "20", "80"]);
  expect(score.querySelectorAll(".confusion th[scope=row]")).toHaveLength(2);
  expect(score.querySelector(".learning-curve svg")?.getAttribute("aria-label")).toContain("900 pixels: 0.72");
  expect(score.querySelectorAll(".importance li")).toHaveLength(2);
});

test("a model is kept, applied to all images, downloaded, and deleted after a question", async () => {
  learn.value = learnState({ models: [model(), model({ name: "bad", problem: "it is cut off", classes: [] })] });
  fake.state.learn = learn.value;
  show();
  expect(place.querySelector<HTMLAnchorElement>("a[aria-label='Download phases']")?.href).toContain("/learn/models/phases/file");
  expect(place.textContent).toContain("It is cut off");
  expect(button("Look at bad in the image").disabled).toBe(true);
  act(() => button("Delete phases").click());
  expect(question.value?.title).toBe("Delete this model?");
  question.value = null;
  act(() => button("Apply to images…").click());
  const chosen = [...place.querySelectorAll<HTMLSelectElement>(".model select")].at(-1)!;
  expect([...chosen.options].map((one) => one.text)).toEqual(["objects of object", "objects of background", "no objects, only areas of classes"]);
  act(() => {
    chosen.value = "background";
    chosen.dispatchEvent(new Event("change", { bubbles: true }));
  });
  act(() => [...place.querySelectorAll<HTMLButtonElement>(".model button")].find((one) => one.textContent === "Apply to all 2 images")!.click());
  await settle(2);
  const call = fake.calls.find((one) => one.path === "/jobs");
  expect(call?.body).toMatchObject({ recipe: "scribbles", images: null, settings: { "learned.model": model().path, "learned.objects": "background" } });
});

test("applying the model on screen keeps it first", async () => {
  fake.state.learn = learnState({ models: [model({ name: "my model" })] });
  show();
  act(() => [...place.querySelectorAll<HTMLButtonElement>(".keep button")].find((one) => one.textContent === "Apply to all 2 images")!.click());
  await settle(4);
  expect(fake.calls.filter((one) => one.method === "POST").map((one) => [one.path, (one.body as { name?: string }).name])).toEqual([["/learn/models", "my model"], ["/jobs", undefined]]);
});

test("the results of a run tell the areas of its classes, and leave objects away where none were counted", () => {
  const show_run = (part: Parameters<typeof run>[0]): string => {
    runs.value = [run(part)];
    sourceRun.value = "r1";
    table.value = makeTable(objects(3));
    tab.value = "results";
    return show(<ResultsPanel />).textContent ?? "";
  };
  const both = show_run({});
  expect(both).toContain("25.0 %");
  expect(both).toContain("360,000 px · 90,000 nm²");
  expect(place.querySelector(".tiles")).toBeTruthy();
  const areas = show_run({ images: [{ ...run().images[0]!, has_objects: false, warnings: ["the pixel size differs."] }] });
  expect(areas).toContain("measured areas only");
  expect(areas).toContain("The pixel size differs.");
  expect(areas).toContain("Classes");
  expect(areas).not.toMatch(/Labels|ROIs|COCO/);
  expect(place.querySelector(".tiles")).toBeNull();
  sourceRun.value = "";
});

test("names of classes and models are text, whatever they hold", () => {
  classes.value = [{ id: 1, name: HOSTILE, colour: "#ff0000" }, { id: 2, name: "b", colour: "#00ff00" }];
  learn.value = learnState({ problem: HOSTILE, notes: [HOSTILE], models: [model({ name: HOSTILE, description: HOSTILE, problem: HOSTILE })], search: search({ stage: HOSTILE, message: HOSTILE, report: report({ method: HOSTILE, importance: [[HOSTILE, 1]] }) }) });
  complete();
  show();
  expect(place.textContent).toContain(HOSTILE);
  expect(place.querySelector("img[onerror]")).toBeNull();
});

test("a read-only project can be looked at: nothing in it can be searched, kept or deleted", () => {
  project.value = { ...fake.state.project, read_only: true, read_only_reason: "It is on a DVD." };
  learn.value = learnState({ models: [model()], search: search() });
  show();
  expect(button(/^Search for/).disabled).toBe(true);
  expect(button("Keep as model").disabled).toBe(true);
  expect(button("Delete phases")).toBeUndefined();
  expect(button("Look at phases in the image").disabled).toBe(false);
});

test("axe finds nothing serious, with nothing painted and with everything there", async () => {
  const check = async (): Promise<void> => {
    show(<App />);
    const found = await axe.run(place, { rules: { "color-contrast": { enabled: false }, "scrollable-region-focusable": { enabled: false } } });
    const bad = found.violations.filter((one) => one.impact === "serious" || one.impact === "critical");
    expect(bad.map((one) => `${one.id} ${one.nodes[0]?.html}`)).toEqual([]);
  };
  learn.value = learnState({ painted: [], problem: "nothing is painted" });
  await check();
  learn.value = learnState({ models: [model(), model({ name: "bad", problem: "cut" })], search: search({ state: "running" }) });
  complete();
  await check();
  learn.value = learnState({ search: search() });
  await check();
}, 60_000);
