/** Going through the doubtful splits one by one, the most doubtful first. */
import { batch } from "@preact/signals";
import { announcement, tab } from "./page";
import { doubtful, reviewAt, selection, table } from "./results";
import { zoomOnObject } from "./stage";

export function reviewStep(by: 1 | -1): void {
  const list = doubtful.value;
  if (tab.value !== "results" || list.length === 0) return;
  showDoubtful(reviewAt.value < 0 ? (by > 0 ? 0 : list.length - 1) : (reviewAt.value + by + list.length) % list.length);
}

export function showDoubtful(at: number): void {
  const row = doubtful.value[at];
  const label = row === undefined ? undefined : table.value?.labels[row];
  if (label === undefined) return;
  batch(() => {
    reviewAt.value = at;
    selection.value = new Set([label]);
    announcement.value = `Doubtful split ${at + 1} of ${doubtful.value.length}, object ${label}.`;
  });
  zoomOnObject(label);
}
