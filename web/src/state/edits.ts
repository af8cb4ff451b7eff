/** Corrections by hand on the labels of a run: sent one after the other, shown when the server has them. */
import { batch, computed, signal } from "@preact/signals";
import { api, ApiError } from "../api/client";
import { randomId } from "../api/socket";
import type { EditAck, EditRequest } from "../api/types";
import { takeRuns } from "./jobs";
import { announcement, fail, say } from "./page";
import { count } from "./numbers";
import { loadTable, runImage, selection, sourceRun, tableKey, wantedKey } from "./results";
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

function send(work: (run: string, stem: string, t: number) => Promise<EditAck>, after?: (ack: EditAck) => void): void {
  const key = editKey();
  const image = runImage.value;
  if (!key || !image) {
    say("Corrections by hand are part of a run: run the recipe on this image first.");
    return;
  }
  const [run, stem, t] = [sourceRun.value, image.stem, plane.value.t];
  editsWaiting.value += 1;
  line = line.then(async () => {
    try {
      const ack = await work(run, stem, t);
      await takeAck(key, ack);
      after?.(ack);
    } catch (error) {
      fail(error);
    } finally {
      editsWaiting.value -= 1;
    }
  });
}

export async function takeAck(key: string, ack: EditAck): Promise<void> {
  const known = editState.value;
  if (known?.key === key && ack.version < known.version) return;
  editState.value = { key, canUndo: ack.can_undo, canRedo: ack.can_redo, nEdits: ack.n_edits, version: ack.version };
  if (key !== tableKey.value) return;
  if (ack.dirty.length === 4) await refresh(ack.dirty, String(ack.version));
  await loadTable(key);
  announcement.value = `${count(ack.n_objects, "object")} now.`;
}

/** Somebody corrected this run, perhaps in another tab. */
export function takeEditMessage(message: { run: string; stem: string; t: number } & EditAck): void {
  const key = `run/${message.run}/${message.stem}/${message.t}`;
  const known = editState.value;
  if (known?.key === key && message.version <= known.version) return;
  void takeRuns([message.run]);
  if (key === tableKey.value && editsWaiting.value === 0) void takeAck(key, message);
}

/** Send an edit; an answer that was lost is asked for once more with the same id. */
export function edit(request: Omit<EditRequest, "id">): void {
  const body: EditRequest = { id: randomId(), ...request };
  send(async (run, stem, t) => {
    try {
      return await api.edit(run, stem, t, body);
    } catch (error) {
      if (error instanceof ApiError && error.passing) return await api.edit(run, stem, t, body);
      throw error;
    }
  }, (ack) => {
    if (ack.new_labels.length > 0) batch(() => (selection.value = new Set(ack.new_labels)));
  });
}

/** Whether there is a correction to take back, or one that was taken back; before the first answer the run's count tells. */
export const canStep = computed(() => {
  const known = editState.value?.key === wantedKey.value ? editState.value : null;
  return { undo: known ? known.canUndo : (runImage.value?.n_edits ?? 0) > 0, redo: known?.canRedo ?? false };
});

export function editStep(step: "undo" | "redo"): void {
  if (!canStep.value[step]) return;
  send((run, stem, t) => api.editStep(run, stem, t, step));
}

export function editSelected(op: "delete" | "merge" | "fill"): void {
  const labels = [...selection.value];
  if (labels.length === 0 || (op === "merge" && labels.length < 2)) {
    say(op === "merge" ? "Select two or more objects to merge: click them with Shift held." : "Select objects first: click them, or draw around them with the lasso.");
    return;
  }
  edit({ op, labels, points: [], radius: 0 });
}
