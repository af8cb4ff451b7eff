import axe from "axe-core";
import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, test } from "vitest";
import { assay } from "../../test/fake_assay";
import { image, installFake, objects, run as fakeRun, startState } from "../../test/fake_server";
import { measureName, plateName, relative, loadedAssay, timeIndex, imagesAt, assayKey, loadAssay, assayProblem, shownLayer } from "../state/assay";
import { currentId, images, project } from "../state/images";
import { runs } from "../state/jobs";
import { announcement, tab, toasts } from "../state/page";
import { openRun, sourceRun, table } from "../state/results";
import { legendParts } from "../state/run_classes";
import { filterRows, firstColumns, makeTable, NO_FILTERS, sizeColumns, wordCounts } from "../state/table";
import { lookOf, layerLooks, plane } from "../state/view";
import type { AssayBody, RunImage } from "../api/types";
import { AssaySection } from "./assay";
import { ClassAreas } from "./class_areas";
import { parameterText } from "./assay_tables";

const HOSTILE = `<img src=x onerror="window.hit=1">`;
const WELLS = ["B02", "B03", "C02"];
let place: HTMLElement;
let fake: ReturnType<typeof installFake>;

function runOf(part: Partial<RunImage> = {}) {
  const [one] = fakeRun().images;
  return fakeRun({
    assay: "live-dead", recipe: "live-dead",
    images: WELLS.map((well, at) => ({ ...one!, stem: `${well}_f1`, file: `${well}_f1.tif`, image: `${at}`.repeat(16), n_frames: 2, n_objects: [3, 3], ...part })),
  });
}

beforeEach(() => {
  fake = installFake();
  document.body.innerHTML = "";
  place = document.body.appendChild(document.createElement("div"));
  images.value = WELLS.map((well, at) => image({ id: `${at}`.repeat(16), name: `${well}_f1.tif`, n_frames: 2 }));
  project.value = startState().project;
  [measureName.value, relative.value, plateName.value, timeIndex.value, assayProblem.value, layerLooks.value, toasts.value] = ["", false, "", -1, "", {}, []];
  currentId.value = "0".repeat(16);
  runs.value = [runOf()];
  table.value = null;
  openRun("r1");
});

afterEach(() => {
  render(null, place);
  [sourceRun.value, loadedAssay.value, tab.value] = ["", null, "tune"];
});

function show(body: AssayBody = assay()): HTMLElement {
  loadedAssay.value = { key: assayKey.value, run: "r1", body };
  act(() => render(<AssaySection />, place));
  return place;
}

const wellButton = (name: string): HTMLButtonElement => place.querySelector(`[data-well="${name}"]`) as HTMLButtonElement;
const press = (key: string): void => void act(() => void document.activeElement?.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true })));

test("the head is that of the report, and every well has its number", () => {
  show();
  expect(place.querySelector(".assay-numbers .first")?.textContent).toBe("highest viability at 8 h90.0 %untreated; 95 %: 70.0 to 97.0; 2 replicates");
  expect(WELLS.map((well) => wellButton(well).textContent)).toEqual(["90", "90", "30"]);
  expect(wellButton("C02").getAttribute("aria-label")).toBe("C02, drug, positive control: 30 %");
  expect(place.querySelectorAll(".well")).toHaveLength(3);
});

test("time, measure and the start as 1 change the plate", () => {
  show();
  const slider = place.querySelector<HTMLInputElement>("#plate-time")!;
  act(() => {
    slider.value = "0";
    slider.dispatchEvent(new Event("input", { bubbles: true }));
  });
  expect(wellButton("B02").textContent).toBe("95");
  const select = place.querySelector<HTMLSelectElement>("#plate-measure")!;
  act(() => {
    select.value = "n_nuclei";
    select.dispatchEvent(new Event("change", { bubbles: true }));
  });
  expect(WELLS.map((well) => wellButton(well).textContent)).toEqual(["10", "–", "–"]);
  act(() => place.querySelector<HTMLInputElement>(".auto-toggle input")!.click());
  expect(shownLayer.value).toBeNull();
  expect(place.textContent).toContain("Nothing was measured of it on this plate");
});

test("a click on a well shows its image at that time with its classes", () => {
  show();
  expect(lookOf("classes").visible).toBe(false);
  act(() => wellButton("C02").click());
  expect([currentId.value, plane.value.t, tab.value, sourceRun.value]).toEqual(["2".repeat(16), 1, "results", "r1"]);
  expect(lookOf("classes").visible).toBe(true);
  expect(announcement.value).toBe("C02, 8 h is on screen.");
  expect(wellButton("C02").getAttribute("aria-current")).toBe("true");
});

test("the arrow keys go from well to well; only one of them is a stop of the tab key", () => {
  show();
  expect([...place.querySelectorAll<HTMLElement>(".well")].map((one) => one.tabIndex)).toEqual([0, -1, -1]);
  act(() => wellButton("B02").focus());
  press("ArrowRight");
  expect(document.activeElement).toBe(wellButton("B03"));
  press("ArrowDown"); // there is no C03
  expect(document.activeElement).toBe(wellButton("B03"));
  press("ArrowLeft");
  press("ArrowDown");
  expect(document.activeElement).toBe(wellButton("C02"));
  expect([...place.querySelectorAll<HTMLElement>(".well")].map((one) => one.tabIndex)).toEqual([-1, -1, 0]);
});

test("the review strip holds the doubtful, the most doubtful first, and opens the frame", () => {
  show();
  expect([...place.querySelectorAll(".review-item strong")].map((one) => one.textContent)).toEqual(["C02 · 8 h · doubt 40 %"]);
  act(() => [...place.querySelectorAll("button")].find((one) => one.textContent === "All 2 by doubt")!.click());
  expect(place.querySelectorAll(".review-item")).toHaveLength(2);
  act(() => place.querySelector<HTMLButtonElement>(".review-item")!.click());
  expect([currentId.value, plane.value.t]).toEqual(["2".repeat(16), 1]);
  expect(place.querySelector<HTMLImageElement>(".review-item img")!.src).toMatch(/runs\/r1\/files\/class_overlays\/C02_f1_t1\.png$/);
});

test("an image that has left the project is told, and nothing moves", () => {
  runs.value = [runOf({ image: "" })];
  show();
  act(() => wellButton("C02").click());
  expect(currentId.value).toBe("0".repeat(16));
  expect(toasts.value.map((one) => one.text)).toEqual(["C02_f1.tif is not in the project any more, so it cannot be shown."]);
});

test("numbers from before corrections say so, and their pictures are those of the run", () => {
  runs.value = [runOf({ n_edits: 1 })];
  show(assay({ before_corrections: true }));
  expect(place.textContent).toContain("from before 3 corrections by hand");
  expect(place.querySelector<HTMLImageElement>(".review-item img")!.src).toContain("as_run=true");
  act(() => [...place.querySelectorAll("button")].find((one) => one.textContent === "Work them in")!.click());
  expect(fake.calls.at(-1)?.path).toBe("/runs/r1/assay?corrected=true");
  show(assay());
  expect(place.textContent).toContain("3 corrections by hand are in these numbers");
});

test("a correction makes the page ask anew, and an answer that is late does not replace a newer one", async () => {
  show();
  const before = assayKey.value;
  runs.value = [runOf({ n_edits: 1 })];
  expect(assayKey.value).not.toBe(before);
  const [first, second] = [loadAssay(), loadAssay(true)];
  await Promise.all([first, second]);
  expect(loadedAssay.value?.key).toBe(assayKey.value);
  fake.fail(/assay/, 404, "run r1: made no assay", "no_assay");
  await loadAssay();
  expect(assayProblem.value).toBe("run r1: made no assay");
});

test("a single image has its number and no empty chart", () => {
  const body = assay();
  show(assay({ wells: [{ ...body.wells[0]!, row: 0, column: 0, well: "", curve: "" }], images: [body.images[0]!], curves: [], survival: [], fits: [], quality: [], review: [body.review[1]!], videos: [], notes: [] }));
  expect(place.querySelectorAll(".assay-numbers dd")).toHaveLength(2);
  expect(place.querySelectorAll("svg:not(.icon), details, table, .assay-files")).toHaveLength(0);
});

test("intervals stand in the tables, a refused fit says why, the films wait to be chosen", () => {
  show();
  for (const text of ["90.0 % (60.0 to 100.0)", "doubling time 12 (at least 8) h", "Too few times.", "not reached (over 8)", "p over nuclei 0.01", "Marginal. Too few wells."]) expect(place.textContent).toContain(text);
  expect(place.querySelectorAll(".fits .tag")).toHaveLength(1);
  expect(place.querySelector("video")).toBeNull();
  const films = place.querySelector<HTMLSelectElement>("select[aria-label=Film]")!;
  const choose = (value: string) => act(() => {
    films.value = value;
    films.dispatchEvent(new Event("change", { bubbles: true }));
  });
  choose("videos/B02_1.mp4");
  expect(place.querySelector<HTMLVideoElement>("video")?.src).toMatch(/files\/videos\/B02_1\.mp4$/);
  choose("videos/C02_1.gif");
  expect(place.querySelector("video")).toBeNull();
  expect(place.querySelector<HTMLImageElement>("img.film")?.src).toMatch(/C02_1\.gif$/);
});

test("names of parameters are read with their units", () => {
  expect(parameterText("doubling_time_h")).toEqual({ title: "doubling time", unit: "h" });
  expect(parameterText("closing_rate_percent_per_h")).toEqual({ title: "closing rate", unit: "% per h" });
  expect(parameterText("rate_per_frame")).toEqual({ title: "rate", unit: "per frame" });
  expect(parameterText("ec50")).toEqual({ title: "EC50", unit: "" });
});

test("images of a well are found at the nearest time, one for each field", () => {
  const body = assay();
  const fields = [...body.images, { ...body.images[1]!, field: "2", stem: "B02_f2", time: 8.0000001 }];
  expect(imagesAt({ ...body, images: fields }, "", "B02", 8).map((one) => one.stem)).toEqual(["B02_f1", "B02_f2"]);
  expect(imagesAt(body, "", "B02", 1).map((one) => one.frame)).toEqual([0]);
  expect(imagesAt(body, "", "H12", 8)).toEqual([]);
});

test("states of nuclei are first in the table, filter by a click, and are no quantity", () => {
  const words = makeTable({ ...objects(3), columns: [...objects(3).columns, { name: "state", unit: "", meaning: "", values: ["live", "dead", "live"] }, { name: "p_dead", unit: "", meaning: "", values: [0.1, 0.9, 0.2] }] });
  expect(firstColumns(words).slice(0, 3)).toEqual(["label", "state", "p_dead"]);
  expect([...wordCounts(words).get("state")!]).toEqual([["dead", 1], ["live", 2]]);
  expect(filterRows(words, { ...NO_FILTERS, words: { state: "live" } })).toEqual([0, 2]);
  expect(filterRows(words, { ...NO_FILTERS, words: { state: "live" }, ranges: [{ column: "p_dead", low: 0.15, high: 1, closed: true }] })).toEqual([2]);
  expect(sizeColumns(words)).toContain("p_dead");
  expect(sizeColumns(words)).not.toContain("state");
  expect(wordCounts(makeTable(objects(3))).size).toBe(0);
});

test("the share of a class is that of the analysed area, also where most of it has no class", () => {
  const [one] = runOf().images;
  runs.value = [{ ...runOf(), images: [{ ...one!, n_frames: 1, classes: [[{ id: 1, name: "cells", colour: "#0072b2", area_px: 1300, area_fraction: 0.13 }]] }] }];
  act(() => render(<ClassAreas />, place));
  expect(place.querySelector("td")?.textContent).toBe("13.0 %");
});

test("a legend of cells and nuclei has two parts, any other one", () => {
  const named = (...names: string[]) => names.map((name) => ({ name }));
  expect(legendParts(named("cell", "outline", "live nucleus", "dead nucleus")).map((part) => [part.title, part.classes.length])).toEqual([["Cells", 2], ["Nuclei", 2]]);
  expect(legendParts(named("object", "rest"))).toEqual([{ title: "", classes: named("object", "rest") }]);
});

test("names from files are text, and axe finds nothing serious", async () => {
  const body = assay();
  show(assay({ notes: [HOSTILE], wells: body.wells.map((well) => ({ ...well, condition: HOSTILE })), review: body.review.map((one) => ({ ...one, why: HOSTILE })) }));
  expect(place.querySelector("img[onerror]")).toBeNull();
  expect(place.textContent).toContain(HOSTILE);
  for (const part of place.querySelectorAll("details")) part.open = true;
  const found = await axe.run(place, { rules: { "color-contrast": { enabled: false }, "scrollable-region-focusable": { enabled: false }, region: { enabled: false } } });
  expect(found.violations.filter((one) => one.impact === "serious" || one.impact === "critical").map((one) => `${one.id} ${one.nodes[0]?.html}`)).toEqual([]);
}, 60_000);
