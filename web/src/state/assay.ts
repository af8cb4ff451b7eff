/** The result of the assay of a run: what the server says, and which measure, time and plate are looked at. */
import { batch, computed, effect, signal } from "@preact/signals";
import { api } from "../api/client";
import type { AssayBody, AssayImage } from "../api/types";
import { curveTitle } from "../charts/series";
import { measureOf, plateLayer, platesOf, timeText } from "../charts/plate_scale";
import { announcement, fail, say, tab } from "./page";
import { openRun, run } from "./results";
import { runClassLook } from "./run_classes";
import { setLook, setPlane } from "./view";

/** Kept with its key, so that nothing is shown for another run or from before a correction. */
export const loadedAssay = signal<{ key: string; run: string; body: AssayBody } | null>(null);
export const assayProblem = signal("");
/** Corrections are being worked in, which may take as long as the run. */
export const assayWorking = signal(false);
export const measureName = signal("");
/** Values relative to the first time. */
export const relative = signal(false);
export const plateName = signal("");
/** Place among the times of the plate; -1 is the last. */
export const timeIndex = signal(-1);

/** Changes with the run and with every correction; "" where there is no assay. */
export const assayKey = computed(() => {
  const open = run.value;
  return open?.assay ? `${open.id}/${open.created}/${open.images.map((one) => one.n_edits).join(",")}` : "";
});

/** The last answer of this run stays while one that knows of a correction is on its way. */
export const assay = computed<AssayBody | null>(() => (loadedAssay.value && loadedAssay.value.run === run.value?.id ? loadedAssay.value.body : null));
export const assayStale = computed(() => loadedAssay.value?.key !== assayKey.value);

export const shownMeasure = computed(() => {
  const body = assay.value;
  if (!body) return "";
  const base = body.measures.some((one) => one.name === measureName.value) ? measureName.value : (body.measures[0]?.name ?? "");
  return relative.value && canBeRelative.value ? `${base}_t0` : base;
});
export const canBeRelative = computed(() => assay.value?.curves.some((curve) => curve.measure.endsWith("_t0")) ?? false);
export const shownPlate = computed(() => {
  const plates = assay.value ? platesOf(assay.value) : [];
  return plates.includes(plateName.value) ? plateName.value : (plates[0] ?? "");
});
export const shownLayer = computed(() => (assay.value ? plateLayer(assay.value, shownPlate.value, measureOf(assay.value, shownMeasure.value)) : null));
export const shownTime = computed(() => {
  const times = shownLayer.value?.times ?? [];
  return times[timeIndex.value < 0 ? times.length - 1 : Math.min(timeIndex.value, times.length - 1)] ?? 0;
});

let loads = 0;

export async function loadAssay(corrected = false): Promise<void> {
  const [key, open] = [assayKey.peek(), run.peek()];
  if (!key || !open) return;
  const load = ++loads;
  assayWorking.value = corrected;
  try {
    const body = await api.runAssay(open.id, corrected);
    if (load !== loads) return;
    batch(() => {
      if (loadedAssay.value?.run !== open.id) [measureName.value, relative.value, plateName.value, timeIndex.value] = ["", false, "", -1];
      loadedAssay.value = { key, run: open.id, body };
      assayProblem.value = "";
    });
  } catch (error) {
    if (load !== loads) return;
    assayProblem.value = error instanceof Error ? error.message : String(error);
    if (!(error instanceof Error && "status" in error)) fail(error);
  } finally {
    if (load === loads) assayWorking.value = false;
  }
}

/** Load the assay of a run while its results are looked at. */
export function followAssay(): () => void {
  return effect(() => {
    const key = assayKey.value;
    if (key && tab.value === "results" && key !== loadedAssay.peek()?.key) void loadAssay();
  });
}

/** Images of a well at the time nearest to `time`: one for each field. Times of curves are those of images, rounded. */
export function imagesAt(body: AssayBody, plate: string, well: string, time: number): AssayImage[] {
  const own = body.images.filter((image) => image.plate === plate && image.well === well && image.time !== null);
  const away = (image: AssayImage): number => Math.abs((image.time as number) - time);
  const nearest = Math.min(...own.map(away));
  const span = Math.max(...own.map((image) => image.time as number)) - Math.min(...own.map((image) => image.time as number));
  return own.filter((image) => away(image) <= nearest + 1e-6 * Math.max(1, span));
}

/** Show an image of the run at a frame, with what was found in it. */
export function openAssayImage(image: { stem: string; file: string; frame: number; well: string; time: number | null }): void {
  const [open, body] = [run.value, assay.value];
  const target = open?.images.find((one) => one.stem === image.stem);
  if (!open || !body || !target?.image) {
    say(`${image.file} is not in the project any more, so it cannot be shown.`, "error");
    return;
  }
  batch(() => {
    openRun(open.id, target);
    setPlane({ t: image.frame });
    setLook(runClassLook.value, { visible: true });
    const where = image.well ? curveTitle(body, body.images.find((one) => one.stem === image.stem)?.plate ?? "", image.well) : image.file;
    announcement.value = `${where}${image.time === null || body.images.length < 2 ? "" : `, ${timeText(image.time, body.time_unit)}`} is on screen.`;
  });
}
