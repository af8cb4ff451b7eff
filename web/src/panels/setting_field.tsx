/** One setting, made from what the server says about it. */
import { useId } from "preact/hooks";
import type { RecipeInfo, SettingInfo, StepInfo } from "../api/types";
import { positionOf, POSITIONS, shortNumber, sliderScale, unitText, valueAt } from "../state/numbers";
import { changeSettings, previewOfCurrent } from "../state/preview";
import { projectChoices } from "../state/models";
import { changed, chosenFor, keyOf, settingValue, withSetting, type Value } from "../state/recipe";
import { Button, Popover, Segmented } from "./controls";

interface Props { info: RecipeInfo; step: StepInfo; setting: SettingInfo }

function words(name: string): string {
  return name.replaceAll("_", " ");
}

function put(step: StepInfo, setting: SettingInfo, value: Value, final: boolean): void {
  changeSettings(withSetting(changed.value, step, setting, value), final);
}

function NumberControl({ step, setting, value, id, disabled }: { step: StepInfo; setting: SettingInfo; value: number; id: string; disabled: boolean }) {
  const scale = sliderScale(setting);
  const clamp = (next: number): number => {
    const inside = Math.min(setting.high ?? Infinity, Math.max(setting.low ?? -Infinity, next));
    return scale.integer ? Math.round(inside) : inside;
  };
  return (
    <div class="number-control">
      <input
        type="range" min={0} max={POSITIONS} value={positionOf(scale, value)} aria-labelledby={id} aria-valuetext={`${shortNumber(value)} ${setting.unit}`} disabled={disabled}
        onInput={(event) => put(step, setting, valueAt(scale, Number(event.currentTarget.value)), false)}
        onChange={(event) => put(step, setting, valueAt(scale, Number(event.currentTarget.value)), true)}
      />
      <input
        type="number" class="number" aria-labelledby={id} value={disabled ? "" : value} min={setting.low ?? undefined} max={setting.high ?? undefined} step={scale.integer ? 1 : "any"} disabled={disabled}
        onChange={(event) => {
          const next = event.currentTarget.valueAsNumber;
          if (Number.isFinite(next)) put(step, setting, clamp(next), true);
          else event.currentTarget.value = String(value);
        }}
      />
      <span class="unit">{unitText(setting.unit)}</span>
    </div>
  );
}

function ChoiceControl({ step, setting, value, id }: { step: StepInfo; setting: SettingInfo; value: string; id: string }) {
  const letters = setting.choices.reduce((sum, choice) => sum + choice.length + 3, 0);
  const change = (next: string): void => put(step, setting, next, true);
  if (setting.choices.length <= 4 && letters <= 24) {
    return <Segmented label={setting.name} labelledBy={id} choices={setting.choices.map((choice) => ({ value: choice, text: words(choice) }))} value={value} onChange={change} />;
  }
  return (
    <select aria-labelledby={id} value={value} onChange={(event) => change(event.currentTarget.value)}>
      {setting.choices.map((choice) => <option key={choice} value={choice}>{words(choice)}</option>)}
    </select>
  );
}

/** A text that names something of the project; a text from elsewhere stays among the choices. */
function ProjectControl({ step, setting, value, id, choices }: { step: StepInfo; setting: SettingInfo; value: string; id: string; choices: { value: string; text: string }[] }) {
  const known = choices.some((choice) => choice.value === value);
  return (
    <select aria-labelledby={id} value={value} onChange={(event) => put(step, setting, event.currentTarget.value, true)}>
      {!known && <option value={value}>{value}</option>}
      {choices.map((choice) => <option key={choice.value} value={choice.value}>{choice.text}</option>)}
    </select>
  );
}

function parseList(text: string): number[] | null {
  const numbers = text.split(/[\s,;]+/).filter(Boolean).map(Number);
  return numbers.every(Number.isFinite) ? numbers : null;
}

function Control({ step, setting, value, id, auto }: { step: StepInfo; setting: SettingInfo; value: Value; id: string; auto: boolean }) {
  switch (setting.kind) {
    case "boolean":
      return <input type="checkbox" role="switch" class="switch" aria-labelledby={id} checked={value === true} disabled={auto} onChange={(event) => put(step, setting, event.currentTarget.checked, true)} />;
    case "integer":
    case "number":
      return <NumberControl step={step} setting={setting} value={typeof value === "number" ? value : startValue(setting)} id={id} disabled={auto} />;
    case "choice":
      return <ChoiceControl step={step} setting={setting} value={String(value ?? "")} id={id} />;
    default: {
      const choices = projectChoices(step, setting, changed.value);
      if (choices) return <ProjectControl step={step} setting={setting} value={String(value ?? "")} id={id} choices={choices} />;
      return (
        <input
          type="text" aria-labelledby={id} disabled={auto} value={Array.isArray(value) ? value.join(", ") : String(value ?? "")} placeholder={setting.kind === "list" ? "numbers with commas" : ""}
          onChange={(event) => {
            const next = setting.kind === "list" ? parseList(event.currentTarget.value) : event.currentTarget.value;
            if (next !== null) put(step, setting, next, true);
          }}
        />
      );
    }
  }
}

/** A value to start from when "auto" is taken off: what was chosen, else the default, else the low end. */
function startValue(setting: SettingInfo, chosen?: unknown): number {
  if (typeof chosen === "number") return chosen;
  if (typeof setting.default === "number") return setting.default;
  return Math.max(setting.low ?? 0, Math.min(1, setting.high ?? 1));
}

function firstValue(setting: SettingInfo, chosen: unknown): Value {
  if (setting.kind === "integer" || setting.kind === "number") {
    const start = startValue(setting, chosen);
    return setting.kind === "integer" ? Math.round(start) : start;
  }
  if (setting.kind === "boolean") return chosen === true;
  if (setting.kind === "list") return [];
  return typeof chosen === "string" ? chosen : (setting.choices[0] ?? "");
}

export function SettingField({ info, step, setting }: Props) {
  const id = useId();
  const value = settingValue(changed.value, step, setting);
  const isChanged = keyOf(step, setting) in changed.value;
  const auto = setting.optional && value === null;
  const chosen = auto || value === "auto" ? chosenFor(info, step, setting, previewOfCurrent.value?.choices ?? []) : undefined;
  const chosenText = typeof chosen === "number" ? shortNumber(chosen) : typeof chosen === "string" || typeof chosen === "boolean" ? words(String(chosen)) : "";
  const inline = setting.kind === "choice" || setting.kind === "boolean";
  return (
    <div class={`setting ${isChanged ? "changed" : ""} ${inline ? "inline" : ""}`}>
      <div class="setting-head">
        <span id={id} class="setting-name">{words(setting.name)}{isChanged && <span class="unseen"> (changed)</span>}</span>
        <Popover label={`About ${words(setting.name)}`}>
          <p>{setting.help}</p>
          <p class="quiet number">{step.key}.{setting.name}{setting.low !== null || setting.high !== null ? ` · ${setting.low ?? "−∞"} to ${setting.high ?? "∞"} ${setting.unit}` : ""}</p>
        </Popover>
        <span class="spring" />
        {chosenText && <span class="chosen number" title="Chosen from the image">{chosenText} {typeof chosen === "number" ? unitText(setting.unit) : ""}</span>}
        {isChanged && <Button icon="reset" label={`Reset ${words(setting.name)}`} onClick={() => put(step, setting, (setting.value ?? null) as Value, true)} />}
        {setting.optional && (
          <label class="auto-toggle">
            <input type="checkbox" checked={auto} aria-label={`${words(setting.name)}: auto`} onChange={(event) => put(step, setting, event.currentTarget.checked ? null : firstValue(setting, chosen), true)} />
            auto
          </label>
        )}
      </div>
      {!auto && <Control step={step} setting={setting} value={value} id={id} auto={auto} />}
    </div>
  );
}
