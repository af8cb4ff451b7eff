/** Models that are kept in the project: keep, bring, delete, use on images. */
import { api } from "../api/client";
import type { ModelInfo, RunRequest, SettingInfo, StepInfo } from "../api/types";
import { learn, loadLearn, lookModel, usable } from "./learn";
import { startJob } from "./jobs";
import { attempt, question, say } from "./page";
import { recipes, type Settings } from "./recipe";

/** The setting `objects` for a run that measures classes and no objects. */
export const NO_OBJECTS = "none";
export const AREAS_ONLY = "no objects, only areas of classes";
/** Recipe that a model is used with. */
export const RECIPE = "scribbles";

/** The step of the recipe that takes a model; null when this granum has none. */
export function learnedStep(): StepInfo | null {
  return recipes.value.find((one) => one.name === RECIPE)?.steps.find((one) => one.do === "segment.learned") ?? null;
}

/** One of the models of the project, or of the classes of the chosen one, for a setting that names it; null for all other settings. */
export function projectChoices(step: StepInfo, setting: SettingInfo, settings: Settings): { value: string; text: string }[] | null {
  if (step.do !== "segment.learned") return null;
  const models = usable.value;
  if (setting.name === "model") return [{ value: "", text: models.length > 0 ? "choose a model" : "none yet: paint, then “Use it”" }, ...models.map((one) => ({ value: one.path, text: one.name }))];
  if (setting.name !== "objects") return null;
  const chosen = models.find((one) => one.path === settings[`${step.key}.model`]);
  return chosen ? [{ value: "", text: "the last class" }, ...chosen.classes.map((one) => ({ value: one.name, text: one.name })), { value: NO_OBJECTS, text: AREAS_ONLY }] : null;
}

/** What the server takes for a name. */
export function goodName(name: string): boolean {
  return /^[\p{L}\p{N}_][\p{L}\p{N}_ -]{0,63}$/u.test(name);
}

/** A free name: "phases", "phases 2", ... */
export function freeName(taken: string[], wish = "my model"): string {
  for (let n = 1; ; n++) {
    const name = n === 1 ? wish : `${wish} ${n}`;
    if (!taken.some((one) => one.toLowerCase() === name.toLowerCase())) return name;
  }
}

/** Keep the live model or the best of the search; returns whether it was kept. */
export async function keepModel(name: string, which: "live" | "search"): Promise<boolean> {
  if (!goodName(name)) {
    say("Use up to 64 letters, digits, spaces, hyphens and underscores for the name.", "error");
    return false;
  }
  const kept = await attempt(async () => {
    const model = await api.keepModel({ name, model: which });
    await loadLearn();
    say(`Model ${model.name} kept in the project.`);
    return true;
  });
  return kept ?? false;
}

/** The name of a model in a file's name. */
export function nameOfFile(file: string): string {
  const stem = file.replace(/\.[^.]*$/, "").replace(/[^\p{L}\p{N}_ -]+/gu, "-").slice(0, 64);
  return goodName(stem) ? stem : "model";
}

export async function bringModel(file: File): Promise<void> {
  await attempt(async () => {
    const model = await api.sendModel(freeName((learn.value?.models ?? []).map((one) => one.name), nameOfFile(file.name)), file);
    await loadLearn();
    say(`Model ${model.name} added to the project.`);
  });
}

export function askToDeleteModel(model: ModelInfo): void {
  question.value = {
    title: "Delete this model?",
    text: `${model.name} is removed from the project. Runs that were made with it stay as they are; they cannot be repeated without it.`,
    yes: "Delete the model",
    run: () => void attempt(async () => {
      await api.deleteModel(model.name);
      if (lookModel.value === `model:${model.name}`) lookModel.value = "live";
      await loadLearn();
    }),
  };
}

/** A run of the recipe with a model; `objects` is a class whose objects are measured, or `NO_OBJECTS`. */
export function applyRequest(model: ModelInfo, objects: string, images: string[] | null): RunRequest | null {
  const step = learnedStep();
  if (!step) return null;
  const settings = { [`${step.key}.model`]: model.path, [`${step.key}.objects`]: objects };
  return { recipe: RECIPE, settings, images, title: objects === NO_OBJECTS ? model.name : `${model.name}: ${objects}` };
}

export async function applyModel(model: ModelInfo, objects: string, images: string[] | null): Promise<void> {
  const request = applyRequest(model, objects, images);
  if (request) await startJob(request);
}
