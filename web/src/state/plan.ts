/** What a run of an assay would be, asked of the server whenever something that it depends on changes. */
import { batch, computed, effect, signal } from "@preact/signals";
import { api, ApiError } from "../api/client";
import type { PlanInfo, PlanRequest, RunRequest } from "../api/types";
import { completeOnly, namesPattern, patternsOf, places, plateMap, roleChannels, typedPatterns, usesFiles, video, wordPatterns } from "./channel_files";
import { current, project, ready } from "./images";
import { fail } from "./page";
import { channelChoice, channelMap, recipe, recipeRequest, runTitle } from "./recipe";
import { plane } from "./view";

/** The last answer, and the question that it is for. */
const answer = signal<{ key: string; recipe: string; info: PlanInfo } | null>(null);
export const mapFiles = signal<string[]>([]);

/** Recipes with neither roles nor an assay need no plan. */
export const needsPlan = computed(() => recipe.value !== null && (recipe.value.roles.length > 0 || recipe.value.assay !== ""));
/** The last answer for this recipe: what is shown while a newer one is on its way. */
export const plan = computed(() => (needsPlan.value && answer.value?.recipe === recipe.value?.name ? (answer.value?.info ?? null) : null));
export const inFiles = computed(() => usesFiles(recipe.value, places.value, plan.value));
/** Patterns that previews and runs use. */
export const patterns = computed(() => patternsOf(recipe.value, places.value, typedPatterns.value, plan.value));

const request = computed<PlanRequest | null>(() => {
  const info = recipe.value;
  if (!info || !needsPlan.value || ready.value.length === 0) return null;
  const typed = typedPatterns.value;
  const shown = current.value?.status === "ready" ? current.value : null;
  const files = places.value !== "inside";
  const inside = places.value === "files" || (files && typed !== null);
  return {
    // settings move and change nothing here
    ...recipeRequest(), settings: {}, image: shown?.id ?? null,
    channels: inside || !shown ? {} : roleChannels(info, shown.channels.length, channelChoice.value),
    patterns: files && typed ? wordPatterns(typed) : {},
    guess: files && typed === null && Object.keys(channelChoice.value).length === 0,
    complete_only: completeOnly.value,
    ...(info.assay ? { names: namesPattern.value.trim() || null, plate_map: plateMap.value?.text ?? null } : {}),
  };
});

/** Beside the request, the images and what they are called now, and the interval count. */
const question = computed(() => (request.value ? JSON.stringify([request.value, project.value?.interval_s, ready.value.map((image) => [image.id, image.name])]) : ""));

/** Whether the answer is for what is set now: a preview waits for it. */
export const planSettled = computed(() => !needsPlan.value || (question.value !== "" && answer.value?.key === question.value));
/** Why a needed channel is nowhere: then there is nothing to preview. */
export const channelProblem = computed(() => {
  if (!needsPlan.value) return "";
  if (inFiles.value && Object.keys(patterns.value).length === 0) return "Say in which files each channel is, as in *_hoechst.tif.";
  return plan.value?.channel_problem ?? "";
});
/** Roles whose files were told by order alone, until the person has said that they are right: nothing runs before. */
export const unconfirmed = computed(() => (inFiles.value ? (plan.value?.by_order ?? []) : []));
/** Why a run of all images would be refused. */
export const runProblem = computed(() => {
  const info = plan.value;
  if (!info) return "";
  if (unconfirmed.value.length > 0) return "Say under Channels that the files of each stain are right.";
  if (info.n_lacking > 0 && info.files_problem) return `${info.files_problem.replace(/\.$/, "")}; add what is missing, or leave such fields out under Channels.`;
  return info.files_problem || info.names_problem || info.plate_map_problem;
});

async function ask(key: string): Promise<void> {
  const body = request.peek();
  const name = recipe.peek()?.name;
  if (!body || name === undefined) return;
  try {
    const info = await api.plan(body);
    if (question.peek() === key) answer.value = { key, recipe: name, info };
  } catch (error) {
    // a setting out of its range is told by the preview; what the plan would say is not known then
    if (!(error instanceof ApiError && (error.status === 422 || error.passing))) fail(error);
  }
}

/** What is typed letter by letter is asked after a pause, everything else at once. */
const typing = computed(() => JSON.stringify([typedPatterns.value, namesPattern.value]));

/** Ask whenever the question changes; returns what ends it. */
export function followPlan(): () => void {
  let timer = 0;
  let typed = typing.peek();
  answer.value = null;
  return effect(() => {
    const key = question.value;
    const pause = typing.value === typed ? 0 : 250;
    typed = typing.value;
    window.clearTimeout(timer);
    if (key !== "" && answer.peek()?.key !== key) timer = window.setTimeout(() => void ask(key), pause);
  });
}

/** What an assay adds to a run. */
export function assayRequest(): Pick<PlanRequest, "names" | "plate_map" | "video"> {
  if (!recipe.value?.assay) return {};
  return { names: namesPattern.value.trim() || null, plate_map: plateMap.value?.text ?? null, video: video.value };
}

/** The channels of a run go by the image on screen, or by the first with several when that one has only one. */
export function runRequest(images: string[] | null): RunRequest {
  const shown = current.value;
  const several = images === null && (shown?.channels.length ?? 0) < 2 ? ready.value.find((one) => one.channels.length > 1 && !one.colour) : undefined;
  const image = several ?? shown;
  const info = recipe.value;
  const own: Partial<RunRequest> = inFiles.value ? { patterns: patterns.value, complete_only: completeOnly.value } : {};
  const request: RunRequest = {
    ...recipeRequest(), images, channels: info && !inFiles.value ? channelMap(info, image, channelChoice.value) : {}, title: runTitle.value, ...own, ...assayRequest(),
  };
  return image && image.n_z > 1 ? { ...request, z: plane.value.z } : request;
}

export async function loadMapFiles(): Promise<void> {
  try {
    mapFiles.value = (await api.plateMaps()).files;
  } catch (error) {
    fail(error);
  }
}

/** Take a plate map of the folder, or one that was sent; its text comes from the server, which knows encodings. */
export async function takeMap(source: string | File): Promise<void> {
  try {
    plateMap.value = typeof source === "string" ? await api.plateMap(source) : await api.plateMapText(source.name, source);
  } catch (error) {
    fail(error);
  }
}

export function choosePlaces(next: "inside" | "files"): void {
  batch(() => {
    places.value = next;
    if (next === "inside") typedPatterns.value = null;
  });
}
