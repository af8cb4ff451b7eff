/** The recipe and what was changed in it. A form shows `RecipeInfo`; nothing about a step is written here. */
import { batch, computed, signal } from "@preact/signals";
import { api } from "../api/client";
import type { ChoiceInfo, ImageEntry, RecipeInfo, RecipeRequest, SettingInfo, StepInfo } from "../api/types";
import { roleChannels } from "./channel_files";
import { attempt, say } from "./page";

export type Value = boolean | number | string | number[] | null;
export type Settings = Record<string, Value>;

export const recipes = signal<RecipeInfo[]>([]);
export const recipeName = signal("particles");
/** Recipe text opened from a file; wins over the name. */
export const openedRecipe = signal<RecipeInfo | null>(null);
/** Only what differs from the recipe as it is. */
export const changed = signal<Settings>({});
/** Per recipe channel name or role: index in the file; null for an optional role that is not wanted. */
export const channelChoice = signal<Record<string, number | null>>({});
export const runTitle = signal("");

export const recipe = computed(
  () => openedRecipe.value ?? recipes.value.find((one) => one.name === recipeName.value) ?? recipes.value[0] ?? null,
);

export const keyOf = (step: StepInfo, setting: SettingInfo): string => `${step.key}.${setting.name}`;

export function same(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

/** Put a value into the changes, or take the change out when the value is the recipe's own. */
export function withSetting(settings: Settings, step: StepInfo, setting: SettingInfo, value: Value): Settings {
  const { [keyOf(step, setting)]: _, ...rest } = settings;
  return same(value, setting.value ?? null) ? rest : { ...rest, [keyOf(step, setting)]: value };
}

/** Keep only the changes that a recipe knows, when another recipe is chosen. */
export function keptSettings(settings: Settings, next: RecipeInfo): Settings {
  const known = new Map(next.steps.flatMap((step) => step.settings.map((setting) => [keyOf(step, setting), setting] as const)));
  return Object.fromEntries(
    Object.entries(settings).filter(([key, value]) => known.has(key) && !same(known.get(key)?.value, value)),
  );
}

export function settingValue(settings: Settings, step: StepInfo, setting: SettingInfo): Value {
  const value = settings[keyOf(step, setting)];
  return value === undefined ? ((setting.value ?? null) as Value) : value;
}

/**
 * What was chosen for a setting that is left to the image, from the choices of a result. The steps that choose stand in
 * the order of their choices; when the numbers do not fit, all choices are looked through.
 */
export function chosenFor(info: RecipeInfo, step: StepInfo, setting: SettingInfo, choices: ChoiceInfo[]): unknown {
  const choosing = info.steps.filter((one) => one.writes.includes("choice"));
  const own = choosing.length === choices.length ? choices[choosing.indexOf(step)] : undefined;
  for (const choice of own ? [own] : choices) {
    const key = Object.keys(choice.chosen).find((name) => name === setting.name || name === `${setting.name}_px`);
    if (key !== undefined) return choice.chosen[key];
  }
  return undefined;
}

/** Names of the channels that a recipe reads: "image" for the main one. */
export function channelNames(info: RecipeInfo): string[] {
  return info.reads_image ? ["image", ...info.channels] : info.channels;
}

/**
 * Channel of the file for each name: as chosen, else a channel of that name, else the first. Roles that were not chosen are
 * left out: the server finds them by what the file calls its channels, or says that it cannot.
 */
export function channelMap(info: RecipeInfo, image: ImageEntry | null, choice: Record<string, number | null>): Record<string, number | null> {
  if (info.roles.length > 0) return roleChannels(info, image?.channels.length ?? 0, choice);
  if (!image || image.channels.length < 2) return {};
  if (image.colour && Object.keys(choice).length === 0 && info.channels.length === 0) return {};
  return Object.fromEntries(
    channelNames(info).map((name) => {
      const named = image.channels.find((channel) => channel.name.toLowerCase() === name.toLowerCase());
      const index = choice[name] ?? named?.index ?? 0;
      return [name, Math.min(index, image.channels.length - 1)];
    }),
  );
}

export function recipeRequest(): RecipeRequest {
  const opened = openedRecipe.value;
  return { recipe: recipe.value?.name ?? "particles", toml: opened ? opened.toml : null, settings: changed.value };
}

export async function loadRecipes(): Promise<void> {
  recipes.value = (await api.recipes()).recipes;
}

export function chooseRecipe(name: string): void {
  const next = recipes.value.find((one) => one.name === name);
  if (!next) return;
  use(name, null, keptSettings(changed.value, next));
}

/** Recipe and changes together: a preview of the one with the changes of the other would be refused. */
function use(name: string, opened: RecipeInfo | null, settings: Settings): void {
  batch(() => {
    openedRecipe.value = opened;
    recipeName.value = name;
    changed.value = settings;
  });
}

/** Keep the tuned recipe in the project; returns whether it was kept. */
export async function saveRecipe(name: string): Promise<boolean> {
  // the server's own rule; a slash would not even reach it
  if (!/^[\p{L}\p{N}_][\p{L}\p{N}_ -]{0,63}$/u.test(name)) {
    say("Use up to 64 letters, digits, spaces, hyphens and underscores for the name.", "error");
    return false;
  }
  const kept = await attempt(async () => {
    const saved = await api.saveRecipe(name, recipeRequest());
    await loadRecipes();
    use(saved.name, null, {});
    say(`Recipe ${saved.name} saved in the project.`);
    return true;
  });
  return kept ?? false;
}

export async function openRecipeFile(file: File): Promise<void> {
  await attempt(async () => {
    const toml = await file.text();
    use(recipeName.value, await api.checkRecipe({ toml }), {});
  });
}
