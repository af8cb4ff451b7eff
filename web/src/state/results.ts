/** The table that is looked at: of the exact preview, or of a frame of a run; what is filtered, selected and lit up. */
import { batch, computed, effect, signal } from "@preact/signals";
import { api } from "../api/client";
import type { LayerInfo, Run, RunImage } from "../api/types";
import { current, currentId } from "./images";
import { runs } from "./jobs";
import { fail, tab } from "./page";
import { exactPreview } from "./preview";
import {
  doubtfulRows, filterRows, isFiltered, labelsInside, makeBins, makeTable, NO_FILTERS, numberAt, sizeColumns, sortRows,
  type Filters, type Sort, type Table,
} from "./table";
import { plane } from "./view";

/** "" is the preview. */
export const sourceRun = signal("");
export const table = signal<Table | null>(null);
/** What the table belongs to, so that nothing is shown for another image. */
export const tableKey = signal("");
export const runLayer = signal<LayerInfo | null>(null);
export const tableProblem = signal("");
export const filters = signal<Filters>(NO_FILTERS);
export const sort = signal<Sort>({ column: "label", direction: 1 });
export const selection = signal<ReadonlySet<number>>(new Set());
/** Row under the cursor of the table or the active one of the keyboard. */
export const hovered = signal<ReadonlySet<number>>(new Set());
export const chartColumn = signal("");
export const columnsShown = signal<string[] | null>(null);
export const reviewAt = signal(-1);

export const run = computed<Run | null>(() => runs.value.find((one) => one.id === sourceRun.value) ?? null);
export const runImage = computed<RunImage | null>(
  () => run.value?.images.find((one) => one.image !== "" && one.image === current.value?.id) ?? null,
);
/** Key of the table that should be shown now; "" when there is none to show. */
export const wantedKey = computed(() => {
  if (sourceRun.value) {
    return runImage.value ? `run/${sourceRun.value}/${runImage.value.stem}/${plane.value.t}` : "";
  }
  return exactPreview.value ? `preview/${exactPreview.value.key}` : "";
});
export const shownTable = computed(() => (tableKey.value === wantedKey.value ? table.value : null));
export const rows = computed(() => {
  const shown = table.value;
  return shown ? sortRows(shown, filterRows(shown, filters.value), sort.value) : [];
});
export const onlyLabels = computed<ReadonlySet<number> | null>(() => {
  const shown = table.value;
  if (!shown || !isFiltered(filters.value)) return null;
  return new Set(rows.value.map((row) => shown.labels[row] as number));
});
export const chart = computed(() => {
  const shown = table.value;
  if (!shown) return null;
  const names = sizeColumns(shown);
  const column = names.includes(chartColumn.value) ? chartColumn.value : (names.find((name) => name.startsWith("ecd")) ?? names[0]);
  if (column === undefined) return null;
  // a filter on the charted column itself is drawn, not applied: the bars around it stay to be clicked
  const others = { ...filters.value, ranges: filters.value.ranges.filter((range) => range.column !== column) };
  return { column, names, bins: makeBins(shown, column, filterRows(shown, others)) };
});
export const doubtful = computed(() => (table.value ? doubtfulRows(table.value) : []));

let loads = 0;

/** Whether there are labels to be drawn: a run may have been made for the areas of classes only. */
function hasLabels(id: string, stem: string): boolean {
  const open = runs.peek().find((one) => one.id === id);
  return open?.images.find((one) => one.stem === stem)?.has_objects ?? true;
}

/** Fetch the table of `key`; what is shown stays until it is there. */
export async function loadTable(key: string): Promise<void> {
  const load = ++loads;
  const [kind, id, ...rest] = key.split("/");
  if (!kind || !id) return;
  try {
    const frame = Number(rest.at(-1));
    const stem = rest.slice(0, -1).join("/");
    const [body, layer] = await Promise.all(
      kind === "run"
        ? [api.runObjects(id, stem, frame), hasLabels(id, stem) ? api.runLabels(id, stem, frame) : null] as const
        : [api.previewObjects(id), null] as const,
    );
    if (load !== loads) return;
    batch(() => {
      const other = tableKey.value !== key;
      table.value = makeTable(body);
      tableKey.value = key;
      runLayer.value = layer;
      tableProblem.value = "";
      hovered.value = new Set();
      if (other) resetLooks();
      else dropGone();
    });
  } catch (error) {
    if (load !== loads) return;
    tableProblem.value = error instanceof Error ? error.message : String(error);
    if (!(error instanceof Error && "status" in error)) fail(error);
  }
}

function resetLooks(): void {
  selection.value = new Set();
  filters.value = { ...filters.value, chosen: null };
  reviewAt.value = -1;
}

function dropGone(): void {
  const known = table.value?.rowOf;
  selection.value = new Set([...selection.value].filter((label) => known?.has(label)));
}

/** Load tables as they are wanted, while a tab that shows them is open. */
export function followTables(): () => void {
  return effect(() => {
    const key = wantedKey.value;
    if (key && tab.value === "results" && key !== tableKey.peek()) void loadTable(key);
  });
}

export function reloadTable(): Promise<void> {
  return loadTable(wantedKey.value);
}

export function openRun(id: string, image?: RunImage): void {
  batch(() => {
    sourceRun.value = id;
    const target = image ?? run.value?.images.find((one) => one.image === currentId.value) ?? run.value?.images.find((one) => one.image);
    if (target?.image) currentId.value = target.image;
    filters.value = NO_FILTERS;
    tab.value = "results";
  });
}

export function openPreviewResults(): void {
  batch(() => {
    sourceRun.value = "";
    tab.value = "results";
  });
}

export function select(label: number, extend: boolean): void {
  if (label === 0) {
    if (!extend) selection.value = new Set();
    return;
  }
  const next = new Set(extend ? selection.value : []);
  if (extend && next.has(label)) next.delete(label);
  else next.add(label);
  selection.value = next;
}

export function selectInside(polygon: readonly (readonly [number, number])[]): void {
  if (table.value) selection.value = labelsInside(table.value, polygon);
}

export function setFlagFilter(flag: string): void {
  const now = filters.value.flags[flag];
  const { [flag]: _, ...rest } = filters.value.flags;
  const next = now === undefined ? { ...rest, [flag]: "with" as const } : now === "with" ? { ...rest, [flag]: "without" as const } : rest;
  filters.value = { ...filters.value, flags: next };
}

/** Only rows with a word in a column; the same word again: all. */
export function setWordFilter(column: string, word: string): void {
  const { [column]: now, ...rest } = filters.value.words;
  filters.value = { ...filters.value, words: now === word ? rest : { ...rest, [column]: word } };
}

export function setRange(column: string, range: { low: number; high: number; closed: boolean } | null): void {
  const rest = filters.value.ranges.filter((one) => one.column !== column);
  filters.value = { ...filters.value, ranges: range ? [...rest, { column, ...range }] : rest };
}

/** Where an object is, for the viewer. */
export function placeOf(label: number): { y: number; x: number; size: number } | null {
  const shown = table.value;
  const row = shown?.rowOf.get(label);
  if (!shown || row === undefined) return null;
  const [y, x] = [numberAt(shown.byName.get("y"), row), numberAt(shown.byName.get("x"), row)];
  const sides = ["bbox_height_px", "bbox_width_px"].map((name) => numberAt(shown.byName.get(name), row));
  const size = Math.max(...sides.map((side) => (Number.isFinite(side) ? side : 0)));
  return Number.isFinite(y) && Number.isFinite(x) ? { y, x, size: size || 40 } : null;
}

