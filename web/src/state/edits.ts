/** Corrections by hand on the labels of a run: sent one after the other, shown when the server has them. */
import { batch, computed, effect, signal } from "@preact/signals";
import { api, ApiError } from "../api/client";
import { randomId } from "../api/socket";
import type { EditAck, EditRequest } from "../api/types";
import { takeRuns } from "./jobs";
import { current, project } from "./images";
import { announcement, fail, say, tab } from "./page";
import { count } from "./numbers";
import { loadTable, runImage, selection, sourceRun, table, tableKey, wantedKey } from "./results";
import { plane } from "./view";

export const editState = signal<{ key: string; canUndo: boolean; canRedo: boolean; nEdits: number; version: number } | null>(null);
export const editsWaiting = signal(0);

type Refresh = (dirty: number[], version: string) => Promise<void>;
let refresh: Refresh = () => Promise.resolve();
let line: Promise<void> = Promise.resolve();

/** The viewer's way to fetch the labels of the run anew. */
export function onEdited(next: Refresh): void {
  refresh = next;
}

function editKey(): string {
  return wantedKey.value.startsWith("run/") ? wantedKey.value : "";
}

/** Run something after everything that was sent before has been answered and shown. */
function inLine(work: () => Promise<void>): void {
  line = line.then(work).catch(fail);
}

/** Ask the server; an answer that was lost is asked for once more with the same id, which counts once. */
async function twice(work: () => Promise<EditAck>): Promise<EditAck> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ApiError && error.passing) return await work();
    throw error;
  }
}

function send(work: (run: string, stem: string, t: number) => Promise<EditAck>, after?: (ack: EditAck) => void): void {
  const key = editKey();
  const image = runImage.value;
  if (!key || !image) {
    say("Corrections by hand are part of a run: run the recipe on this image first.");
    return;
  }
  const [run, stem, t] = [sourceRun.value, image.stem, plane.value.t];
  editsWaiting.value += 1;
  inLine(async () => {
    try {
      const ack = await twice(() => work(run, stem, t));
      await takeAck(key, ack);
      after?.(ack);
    } finally {
      editsWaiting.value -= 1;
    }
  });
}

/** Part of the picture to fetch anew: all of it when a version between was missed. */
function dirtyFrom(known: number, ack: EditAck): number[] {
  const image = current.peek();
  return ack.version > known + 1 && image ? [0, 0, image.height, image.width] : ack.dirty;
}

export async function takeAck(key: string, ack: EditAck): Promise<void> {
  const known = editState.value?.key === key ? editState.value : null;
  if (known && ack.version < known.version) return;
  const before = known?.version ?? table.peek()?.version ?? ack.version;
  editState.value = { key, canUndo: ack.can_undo, canRedo: ack.can_redo, nEdits: ack.n_edits, version: ack.version };
  if (key !== tableKey.value) return;
  const dirty = dirtyFrom(before, ack);
  if (dirty.length === 4) await refresh(dirty, String(ack.version));
  await loadTable(key);
  announcement.value = `${count(ack.n_objects, "object")} now.`;
}

/** Ask what you yourself can take back in the frame that is looked at. */
export async function loadEditState(key: string): Promise<void> {
  const [, run, ...rest] = key.split("/");
  if (!run || rest.length < 2) return;
  const mine = await api.editState(run, rest.slice(0, -1).join("/"), Number(rest.at(-1)));
  const known = editState.value?.key === key ? editState.value : null;
  if (key !== wantedKey.value || (known && mine.version < known.version)) return;
  editState.value = { key, canUndo: mine.can_undo, canRedo: mine.can_redo, nEdits: mine.n_edits, version: mine.version };
}

/** Know what can be taken back whenever a frame of a run is opened. */
export function followEdits(): () => void {
  return effect(() => {
    const key = tableKey.value;
    if (tab.value === "results" && key.startsWith("run/") && key === wantedKey.value && editState.peek()?.key !== key) {
      loadEditState(key).catch(fail);
    }
  });
}

/** Somebody corrected this run: the same person in another tab, or another one, whose undo is not yours. */
export function takeEditMessage(message: { run: string; stem: string; t: number; author: string } & EditAck): void {
  const key = `run/${message.run}/${message.stem}/${message.t}`;
  // after what is on its way: the echo of an own edit is then nothing new
  inLine(async () => {
    const known = editState.value?.key === key ? editState.value : null;
    if (known && message.version <= known.version) return;
    void takeRuns([message.run]);
    if (key !== tableKey.value) return;
    const own = message.author === project.value?.author;
    const mine = own ? message : await api.editState(message.run, message.stem, message.t);
    await takeAck(key, { ...message, can_undo: mine.can_undo, can_redo: mine.can_redo });
  });
}

/** Send an edit. */
export function edit(request: Omit<EditRequest, "id">): void {
  const body: EditRequest = { id: randomId(), ...request };
  send((run, stem, t) => api.edit(run, stem, t, body), (ack) => {
    if (ack.new_labels.length > 0) batch(() => (selection.value = new Set(ack.new_labels)));
  });
}

/** Whether there is a correction of yours to take back, or one that was taken back. */
export const canStep = computed(() => {
  const known = editState.value?.key === wantedKey.value ? editState.value : null;
  return { undo: known?.canUndo ?? false, redo: known?.canRedo ?? false };
});

export function editStep(step: "undo" | "redo"): void {
  if (!canStep.value[step]) return;
  const id = randomId();
  send((run, stem, t) => api.editStep(run, stem, t, step, id));
}

export function editSelected(op: "delete" | "merge" | "fill"): void {
  const labels = [...selection.value];
  if (labels.length === 0 || (op === "merge" && labels.length < 2)) {
    say(op === "merge" ? "Select two or more objects to merge: click them with Shift held." : "Select objects first: click them, or draw around them with the lasso.");
    return;
  }
  edit({ op, labels, points: [], radius: 0 });
}
