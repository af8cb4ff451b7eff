import axe from "axe-core";
import { render, type ComponentChild } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, test } from "vitest";
import { image, installFake, objects, recipe, result, setting, step } from "../../test/fake_server";
import { StubViewer } from "../../test/stub_viewer";
import { currentId, images, imagesKnown, project } from "../state/images";
import { question, tab } from "../state/page";
import { classes } from "../state/paint";
import { preview } from "../state/preview";
import { changed, recipes } from "../state/recipe";
import { filters, hovered, rows, selection, sort, table } from "../state/results";
import { makeTable, NO_FILTERS } from "../state/table";
import { useViewerMaker } from "../viewer_place";
import { App } from "./app";
import { ImageList } from "./image_list";
import { ObjectTable } from "./object_table";
import { StepCard } from "./step_card";
import { Summary } from "./summary";
import { Why } from "./why";

let place: HTMLElement;
const HOSTILE = `<img src=x onerror="window.hit=1">`;

beforeEach(() => {
  const fake = installFake();
  document.body.innerHTML = "";
  place = document.body.appendChild(document.createElement("div"));
  images.value = [image({ pixel_size: { y: 0.5, x: 0.5, unit: "nm", source: "file" } }), image({ id: "b".repeat(16), name: "two.tif", status: "failed", error: "it is empty" })];
  imagesKnown.value = true;
  currentId.value = "a".repeat(16);
  project.value = fake.state.project;
  recipes.value = [recipe()];
  classes.value = fake.state.classes;
  changed.value = {};
  preview.value = result();
  table.value = makeTable(objects(3));
  filters.value = NO_FILTERS;
  selection.value = new Set();
  hovered.value = new Set();
  sort.value = { column: "label", direction: 1 };
  question.value = null;
  tab.value = "tune";
  useViewerMaker(() => new StubViewer());
});

afterEach(() => render(null, place));

function show(what: ComponentChild): HTMLElement {
  act(() => render(what, place));
  return place;
}

const button = (name: string | RegExp): HTMLButtonElement =>
  [...place.querySelectorAll("button")].find((one) => {
    const text = one.getAttribute("aria-label") ?? one.textContent ?? "";
    return typeof name === "string" ? text === name : name.test(text);
  }) as HTMLButtonElement;

test("names from files are text, whatever they hold", () => {
  images.value = [image({ name: HOSTILE, channels: [{ index: 0, name: HOSTILE, value_scale: 1, value_offset: 0, low: 0, high: 9, colour: "#ffffff" }], notes: [HOSTILE] })];
  currentId.value = images.value[0]!.id;
  classes.value = [{ id: 1, name: HOSTILE, colour: "#ff0000" }];
  for (const name of ["tune", "results", "paint", "runs"] as const) {
    tab.value = name;
    show(<App />);
    expect(place.textContent).toContain(HOSTILE);
    expect(place.querySelector("img[onerror]")).toBeNull();
  }
});

test("a form is made of what the server says, an automatic setting shows what was chosen", () => {
  const settings = [
    setting({ name: "smoothing", kind: "number", optional: true, value: null, default: null }),
    setting({ name: "method", kind: "choice", value: "otsu", default: "otsu", choices: ["otsu", "li"], low: null, high: null, unit: "" }),
    setting({ name: "fill", kind: "boolean", value: true, default: true, low: null, high: null, unit: "" }),
  ];
  const own = step("threshold", settings, { writes: ["labels", "choice"] });
  const info = recipe({ steps: [own] });
  recipes.value = [info];
  preview.value = result({ choices: [{ about: "x", chosen: { smoothing_px: 0.7 }, reason: "Because.", candidates: [] }] });
  show(<StepCard info={info} step={own} open />);
  expect(place.querySelector(".chosen")?.textContent).toContain("0.7 px");
  expect(place.querySelectorAll("input[type=radio]")).toHaveLength(2);
  const auto = place.querySelector<HTMLInputElement>("input[aria-label='smoothing: auto']")!;
  act(() => auto.click());
  expect(changed.value).toEqual({ "threshold.smoothing": 0.7 });
  expect(place.querySelector<HTMLInputElement>("input[type=number]")?.value).toBe("0.7");
  act(() => place.querySelectorAll<HTMLInputElement>("input[type=radio]")[1]!.click());
  expect(changed.value["threshold.method"]).toBe("li");
  act(() => button("Reset method").click());
  expect(changed.value).toEqual({ "threshold.smoothing": 0.7 });
});

test("a number outside its range is brought to its edge, nonsense is put back", () => {
  const own = step("threshold", [setting()]);
  const info = recipe({ steps: [own] });
  show(<StepCard info={info} step={own} open />);
  const field = place.querySelector<HTMLInputElement>("input[type=number]")!;
  const type = (text: string) => act(() => {
    field.value = text;
    field.dispatchEvent(new Event("change", { bubbles: true }));
  });
  type("1e9");
  expect(changed.value).toEqual({ "threshold.smoothing": 50 });
  type("-4");
  expect(changed.value).toEqual({ "threshold.smoothing": 0 });
  type("");
  expect(changed.value).toEqual({ "threshold.smoothing": 0 });
});

test("of 70,000 rows only those in view exist, and sorting turns them round", () => {
  table.value = makeTable(objects(70_000));
  show(<ObjectTable />);
  expect(place.querySelectorAll("[role=row]").length).toBeLessThan(60);
  expect(place.querySelector("[role=grid]")?.getAttribute("aria-rowcount")).toBe("70001");
  act(() => button(/^no\./).click());
  expect(table.value!.labels[rows.value[0]!]).toBe(70_000);
  const row = place.querySelectorAll<HTMLElement>("[role=row]")[1]!;
  act(() => row.click());
  expect([...selection.value]).toEqual([70_000]);
});

test("the arrow keys go through rows and bars", () => {
  show(<><Summary /><ObjectTable /></>);
  const press = (selector: string, key: string) => act(() => {
    place.querySelector(selector)!.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  });
  press("[role=grid]", "ArrowDown");
  press("[role=grid]", "ArrowDown");
  expect([...selection.value]).toEqual([2]);
  press("[role=listbox]", "ArrowRight");
  expect(hovered.value.size).toBeGreaterThan(0);
  press("[role=listbox]", "Enter");
  expect(filters.value.ranges).toHaveLength(1);
  expect(rows.value.length).toBeLessThan(3);
});

test("why this: the reason, the values and the candidates are there", () => {
  show(<Why choices={[{ about: "segmentation", chosen: { method: "local_levels", flattened: true }, reason: "Objects are dark.", candidates: [{ sigma: 0.5, score: 0.81 }, { sigma: 1, score: 0.82 }] }]} />);
  expect(place.textContent).toContain("Objects are dark.");
  expect(place.textContent).toContain("local levels");
  expect(place.querySelectorAll("tbody tr")).toHaveLength(2);
});

test("an empty project offers the sample, a file that cannot be read says why", () => {
  show(<ImageList />);
  expect(place.textContent).toContain("it is empty");
  images.value = [];
  currentId.value = null;
  show(<App />);
  expect(place.querySelector(".empty")?.textContent).toContain("Try the sample");
});

test("axe finds nothing serious on any tab", async () => {
  for (const name of ["tune", "results", "paint", "runs"] as const) {
    tab.value = name;
    show(<App />);
    // colours and sizes need a browser that lays out; the end-to-end tests look at those
    const found = await axe.run(place, { rules: { "color-contrast": { enabled: false }, "scrollable-region-focusable": { enabled: false } } });
    const bad = found.violations.filter((one) => one.impact === "serious" || one.impact === "critical");
    expect(bad.map((one) => `${name}: ${one.id} ${one.nodes[0]?.html}`)).toEqual([]);
  }
}, 60_000);
