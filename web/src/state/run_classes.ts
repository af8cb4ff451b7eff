/** The classes of a run: their areas, and the layer to look at. */
import { computed, effect, signal } from "@preact/signals";
import { api } from "../api/client";
import type { ClassArea, LayerInfo } from "../api/types";
import { attempt, tab } from "./page";
import { run, runImage, wantedKey } from "./results";
import { plane } from "./view";

/** The layer, and the frame of a run that it belongs to. */
export const runClassLayer = signal<{ key: string; layer: LayerInfo } | null>(null);

/** Classes of the frame that is looked at; empty for recipes without classes. */
export const runClasses = computed<ClassArea[]>(() => runImage.value?.classes[plane.value.t] ?? []);

/** Whether a run was made for the areas of its classes, without objects. */
export const areasOnly = computed(() => runClasses.value.length > 0 && runImage.value?.has_objects === false);

/** Name of the look of the layer: where there is nothing else to see, it is shown by itself. */
export const runClassLook = computed(() => (areasOnly.value ? "areas" : "classes"));

export const runClassColours = computed(() => Object.fromEntries(runClasses.value.map((one) => [one.id, one.colour])));

/** The layer of the frame that is looked at, once it is known. */
export const shownRunClasses = computed(() => (runClasses.value.length > 0 && runClassLayer.value?.key === wantedKey.value ? runClassLayer.value.layer : null));

/** Classes by what they are of: in a live-dead run cells with their outline, and nuclei, are two different things. */
export function legendParts<T extends { name: string }>(list: T[]): { title: string; classes: T[] }[] {
  const nuclei = list.filter((one) => one.name.endsWith(" nucleus"));
  if (nuclei.length === 0 || nuclei.length === list.length) return [{ title: "", classes: list }];
  return [{ title: "Cells", classes: list.filter((one) => !nuclei.includes(one)) }, { title: "Nuclei", classes: nuclei }];
}

export function followRunClasses(): () => void {
  return effect(() => {
    const [key, image, open, t] = [wantedKey.value, runImage.value, run.value, plane.value.t];
    if (tab.value !== "results" || !open || !image || runClasses.value.length === 0 || runClassLayer.peek()?.key === key) return;
    void attempt(() => api.runClasses(open.id, image.stem, t)).then((layer) => {
      if (layer && wantedKey.peek() === key) runClassLayer.value = { key, layer };
    });
  });
}
