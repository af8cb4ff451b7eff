/** Learning from strokes: the live prediction of what is looked at, where to paint next, the search. */
import { batch, computed, effect, signal } from "@preact/signals";
import { api } from "../api/client";
import type { Connection } from "../api/socket";
import type { LearnPrediction, LearnState, ModelInfo, SearchState, Suggestion, TrialInfo } from "../api/types";
import type { Marker, OverlayView } from "../viewer/interface";
import { current } from "./images";
import { LookSender, noPredictions, promote, takePrediction, type Look, type Predictions } from "./learn_line";
import { announcement, attempt, connection, tab } from "./page";
import { classColours, classes, wantedPaintKey } from "./paint";
import { camera, lookOf, overlaysOn, plane } from "./view";

export const learn = signal<LearnState | null>(null);
/** Whether what is painted is predicted at once. */
export const liveOn = signal(true);
/** "live", "search" or "model:NAME". */
export const lookModel = signal("live");
export const predictions = signal<Predictions>(noPredictions);
/** Why what is looked at was not predicted; in the server's words. */
export const lookProblem = signal("");
/** Areas and suggestions of the last complete prediction of a plane: they stay, pale, until the next is complete. */
export const predicted = signal<{ plane: string; key: string; areas: Record<string, number>; suggestions: Suggestion[] } | null>(null);
export const suggestionsOn = signal(true);
/** No place is gone to. */
export const noSuggestion = -1;
export const suggestionAt = signal(noSuggestion);
export const budget = signal(30);
/** When the state of the search came, so that its clock goes on between two messages. */
export const searchSeenAt = signal(0);

export interface LearnScreen {
  visible(): [number, number, number, number];
  refresh(overlay: string, dirty: number[], version: string): Promise<void>;
  centreOn(y: number, x: number, zoom?: number): void;
}
let screen: LearnScreen | null = null;

export const CLASSES_OVERLAY = "learn:classes";
export const UNCERTAINTY_OVERLAY = "learn:uncertainty";
/** A colour that no class has by itself. */
export const UNSURE = "#ff2fd0";

/** What the viewer does for learning; null when it is gone. */
export function useLearnScreen(next: LearnScreen | null): void {
  screen = next;
}

let line: LookSender = new LookSender(() => false);

export function useLearnConnection(socket: Connection): void {
  line = new LookSender((look) => socket.send(look));
}

export function learnConnectionLost(): void {
  line.lost();
}

/** A new connection: say again what is looked at. */
export function learnConnected(): void {
  line.again();
}

/** Models that can be looked at and used. */
export const usable = computed<ModelInfo[]>(() => (learn.value?.models ?? []).filter((one) => one.problem === ""));
export const search = computed<SearchState | null>(() => learn.value?.search ?? null);
export const best = computed<TrialInfo | null>(() => search.value?.leaderboard.find((one) => one.is_best && one.state === "done") ?? null);
export const searching = computed(() => search.value?.state === "running");

/** The model that is looked at; one that is gone falls back to the live one. */
export const lookedModel = computed(() => {
  const wanted = lookModel.value;
  if (wanted === "search") return best.value ? wanted : "live";
  if (!wanted.startsWith("model:")) return "live";
  return usable.value.some((one) => `model:${one.name}` === wanted) ? wanted : "live";
});

/** Why there is no prediction, in a sentence for people; "" when there is one or one is on its way. */
export const livePlain = computed(() => (lookedModel.value === "live" ? (learn.value?.problem ?? "") : ""));

function lookNow(): Look | null {
  const image = current.value;
  const at = plane.value;
  void camera.value; // a moved view
  if (tab.value !== "paint" || !liveOn.value || connection.value !== "open" || image?.status !== "ready" || !screen) return null;
  const view = screen.visible().map((value) => Math.round(value)) as [number, number, number, number];
  if (view[2] <= view[0] || view[3] <= view[1]) return null; // the picture has no place on the screen yet
  return { image: image.id, t: at.t, z: at.z, view, model: lookedModel.value };
}

const planeText = (at: { image: string; t: number; z: number }): string => `${at.image}/${at.t}/${at.z}`;

/** The prediction on screen, when it is one of the plane that is looked at. */
export const shown = computed(() => {
  const one = predictions.value.shown;
  const here = one && liveOn.value && planeText(one.message) === wantedPaintKey.value;
  return here ? one : null;
});
/** Whether what is on screen is not (all of) what was asked for. */
export const learning = computed(() => {
  if (!liveOn.value || livePlain.value || lookProblem.value) return false;
  const one = shown.value;
  return !one || predictions.value.coming !== null || !one.message.complete || one.message.model !== lookedModel.value;
});
const known = computed(() => (liveOn.value && predicted.value?.plane === wantedPaintKey.value ? predicted.value : null));
export const areas = computed(() => {
  if (!known.value) return null;
  const total = Object.values(known.value.areas).reduce((sum, n) => sum + n, 0);
  return { areas: known.value.areas, total, stale: learning.value || known.value.key !== shown.value?.message.key };
});

const noSuggestions: Suggestion[] = [];
export const suggestions = computed(() => known.value?.suggestions ?? noSuggestions);

export const markers = computed<Marker[]>(() => {
  if (tab.value !== "paint" || !suggestionsOn.value || !overlaysOn.value) return [];
  return suggestions.value.map((one, at) => ({ y: one.y, x: one.x, radius: one.radius, text: String(at + 1), active: at === suggestionAt.value }));
});

/** Overlays below the strokes. */
export const learnOverlays = computed<OverlayView[]>(() => {
  const one = shown.value;
  if (!one) return [];
  const version = `${one.message.classes.version}.${one.version}`;
  const [look, unsure] = [lookOf("prediction"), lookOf("uncertainty")];
  return [
    {
      id: CLASSES_OVERLAY, layer: { ...one.message.classes, version }, visible: overlaysOn.value && look.visible, opacity: look.opacity, style: look.style, colours: classColours.value,
    },
    {
      id: UNCERTAINTY_OVERLAY, layer: { ...one.message.uncertainty, version }, visible: overlaysOn.value && unsure.visible, opacity: unsure.opacity, style: "fill", fade: UNSURE,
    },
  ];
});

export function takeLearn(state: LearnState): void {
  batch(() => {
    learn.value = state;
    searchSeenAt.value = performance.now();
  });
}

export async function loadLearn(): Promise<void> {
  takeLearn(await api.learn());
}

/** Why the newest look could not be answered. */
export function takeLearnError(error: { request: number; message: string }): void {
  if (error.request === line.newest) lookProblem.value = error.message;
}

function classNames(ids: number[]): string[] {
  return ids.map((id) => classes.value.find((one) => one.id === id)?.name ?? `class ${id}`);
}

/** "object or background": between what the model hesitates. */
export function hesitation(one: Suggestion): string {
  const names = classNames(one.class_ids);
  return names.length > 1 ? `${names.slice(0, -1).join(", ")} or ${names.at(-1)}` : (names[0] ?? "unsure");
}

export function takeLearnPrediction(message: LearnPrediction): void {
  const before = predictions.peek();
  const { next, refresh } = takePrediction(before, message, lookNow());
  if (next === before) return;
  lookProblem.value = "";
  // before the signals: the viewer then knows this version already and fetches nothing else
  if (refresh && next.shown) {
    const version = `${next.shown.message.classes.version}.${next.shown.version}`;
    for (const id of [CLASSES_OVERLAY, UNCERTAINTY_OVERLAY]) void screen?.refresh(id, [...refresh], version);
  }
  batch(() => {
    predictions.value = next;
    const done = next.shown?.message;
    if (!done?.complete || done.key !== message.key) return;
    if (predicted.value?.key !== done.key) suggestionAt.value = noSuggestion;
    predicted.value = { plane: planeText(done), key: done.key, areas: done.areas, suggestions: done.suggestions };
    const total = Object.values(done.areas).reduce((sum, n) => sum + n, 0);
    const shares = classes.value.map((one) => `${one.name} ${Math.round((100 * (done.areas[one.id] ?? 0)) / Math.max(1, total))} %`);
    announcement.value = `Predicted: ${shares.join(", ")}.`;
  });
}

/** Centre on a suggestion; it is large enough to paint in afterwards. */
export function goToSuggestion(at: number): void {
  const one = suggestions.value[at];
  const seen = screen?.visible();
  if (!one || !seen) return;
  suggestionAt.value = at;
  const zoom = camera.peek()?.zoom ?? 1;
  screen?.centreOn(one.y, one.x, Math.max(zoom, Math.min(8, 70 / Math.max(1, one.radius))));
}

export function stepSuggestion(by: 1 | -1): void {
  const n = suggestions.value.length;
  if (n > 0) goToSuggestion((Math.max(suggestionAt.value, by > 0 ? -1 : 0) + by + n) % n);
}

export async function startSearch(seconds: number): Promise<void> {
  await attempt(async () => {
    const started = await api.startSearch({ budget_s: seconds });
    if (learn.value) takeLearn({ ...learn.value, search: started });
  });
}

/** End the search and keep the best that it has. */
export async function stopSearch(): Promise<void> {
  await attempt(async () => {
    const stopped = await api.stopSearch();
    if (learn.value) takeLearn({ ...learn.value, search: stopped });
  });
}

/** Seconds that a search has had, `now` on the clock of the page. */
export function elapsed(state: SearchState, seenAt: number, now: number): number {
  const since = state.state === "running" ? Math.max(0, now - seenAt) / 1000 : 0;
  return Math.min(state.budget_s, state.elapsed_s + since);
}

export function followLearn(): () => void {
  return effect(() => {
    const look = lookNow();
    line.want(look);
    if (look) predictions.value = promote(predictions.peek(), look);
  });
}
