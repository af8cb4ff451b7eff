/** One step of the recipe: its settings, and the layers it writes, each of which can be looked at. */
import type { RecipeInfo, StepInfo } from "../api/types";
import { preview } from "../state/preview";
import { changed, keyOf } from "../state/recipe";
import { lookOf, setLook } from "../state/view";
import { Icon } from "./icons";
import { SettingField } from "./setting_field";

function LayerLook({ name }: { name: string }) {
  const look = lookOf(name);
  const layer = preview.value?.layers.find((one) => one.name === name && one.kind === "classes");
  return (
    <div class="layer-look">
      <button type="button" class="button chip-button" aria-pressed={look.visible} title={`Show the layer ${name} in the image`} onClick={() => setLook(name, { visible: !look.visible })}>
        <Icon name={look.visible ? "eye" : "eye_off"} />
        <span>{name}</span>
      </button>
      {look.visible && (
        <input type="range" min={5} max={100} value={Math.round(look.opacity * 100)} aria-label={`Opacity of ${name}`} onInput={(event) => setLook(name, { opacity: Number(event.currentTarget.value) / 100 })} />
      )}
      {look.visible && layer && (
        <ul class="row wrap class-names" aria-label={`Colours of ${name}`}>
          {Object.entries(layer.names ?? {}).map(([id, text]) => (
            <li key={id}><i class="swatch" style={{ background: layer.colours?.[id] }} />{text}</li>
          ))}
        </ul>
      )}
    </div>
  );
}

/**
 * Layers of a step that the last preview can show; one that a later step writes anew is shown there, as it is at the end.
 * Those that no step writes (the distance map, its peaks) help to judge how objects are separated, and stand there.
 */
export function layersOf(info: RecipeInfo, step: StepInfo, known: string[]): string[] {
  const later = new Set(info.steps.slice(info.steps.indexOf(step) + 1).flatMap((one) => one.writes));
  const own = step.writes.filter((name) => known.includes(name) && !later.has(name));
  const splitter = info.steps.find((one) => one.do.startsWith("separate.")) ?? info.steps.at(-1);
  if (step !== splitter) return own;
  const written = new Set(info.steps.flatMap((one) => one.writes));
  const derived = known.filter((name) => !written.has(name) && name !== "image" && !name.startsWith("channel."));
  return [...derived, ...own];
}

export function StepCard({ info, step, open }: { info: RecipeInfo; step: StepInfo; open: boolean }) {
  const nChanged = step.settings.filter((setting) => keyOf(step, setting) in changed.value).length;
  const layers = layersOf(info, step, preview.value?.layer_names ?? []);
  return (
    <details class="card" open={open}>
      <summary>
        <Icon name="chevron" />
        <span class="card-title">{step.title}</span>
        {nChanged > 0 && <span class="tag">{nChanged} changed</span>}
      </summary>
      <p class="quiet">{step.summary}</p>
      {step.settings.map((setting) => <SettingField key={setting.name} info={info} step={step} setting={setting} />)}
      {layers.length > 0 && (
        <div class="row wrap looks" role="group" aria-label={`Layers of ${step.title}`}>
          <span class="quiet">Look at</span>
          {layers.map((name) => <LayerLook key={name} name={name} />)}
        </div>
      )}
    </details>
  );
}
