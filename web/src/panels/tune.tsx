/** Tune: what the recipe finds now, and everything that can be changed about it. */
import { GreyHistogram } from "../charts/grey_histogram";
import { current } from "../state/images";
import { count, durationText, sentence } from "../state/numbers";
import { openPreviewResults } from "../state/results";
import { askExact, changeSettings, exactPreview, preview, previewBusy, previewOfCurrent, previewProblem, previewStep } from "../state/preview";
import { channelProblem } from "../state/plan";
import { changed, channelChoice, channelMap, channelNames, chooseRecipe, openRecipeFile, openedRecipe, recipe, recipes } from "../state/recipe";
import type { HistogramInfo, PreviewResult, RecipeInfo } from "../api/types";
import { greyLevel, histogramKey, histograms, plane } from "../state/view";
import { Button } from "./controls";
import { Icon } from "./icons";
import { PixelSizeField } from "./pixel_size";
import { RoleChannels } from "./role_channels";
import { RunBox } from "./run_box";
import { StepCard } from "./step_card";
import { Why } from "./why";

/** The histogram that a threshold was chosen on, else that of the image in grey levels of the file. */
function shownHistogram(): HistogramInfo | null {
  const own = previewOfCurrent.value?.histogram;
  const [image, info, { t, z }] = [current.value, recipe.value, plane.value];
  if (own || !image || !info) return own ?? null;
  const index = channelMap(info, image, channelChoice.value)["image"] ?? 0;
  const [found, channel] = [histograms.value[histogramKey(image.id, index, t, z)], image.channels[index]];
  if (!found || !channel) return null;
  return { ...found, low: greyLevel(channel, found.low), high: greyLevel(channel, found.high), threshold: null };
}

function exactness(result: PreviewResult | null, exact: boolean): string {
  if (!result && channelProblem.value) return "channels missing";
  if (!result) return current.value ? "on its way" : "no image";
  if (!result.exact) return `preview at 1/${2 ** result.level} size`;
  return exact ? "exact" : "changing";
}

function Finding() {
  const result = previewOfCurrent.value;
  const exact = exactPreview.value !== null;
  return (
    <section class="finding" aria-label="What the recipe finds">
      <div class="finding-line">
        <strong class="big number">{result ? result.n_objects.toLocaleString("en") : "–"}</strong>
        <span>{result?.n_objects === 1 ? "object" : "objects"}</span>
        <span class="spring" />
        <span class={`tag ${exact ? "good" : ""}`}>{exactness(result, exact)}</span>
      </div>
      <div class="finding-line quiet">
        <span class="number">{result ? durationText(result.total_ms) : "–"}</span>
        <span class={`working ${previewBusy.value ? "on" : ""}`} aria-hidden={!previewBusy.value}>{previewBusy.value ? previewStep.value || "working" : ""}</span>
        <span class="spring" />
        <Button label="Table and sizes" text onClick={openPreviewResults} disabled={!result} />
      </div>
      <GreyHistogram histogram={shownHistogram()} />
      {previewProblem.value && <p class="note bad" role="status">{sentence(previewProblem.value)}</p>}
      {result?.warnings.map((warning) => <p key={warning} class="note warn">{sentence(warning)}</p>)}
    </section>
  );
}

function Channels({ info }: { info: RecipeInfo }) {
  const image = current.value;
  if (info.roles.length > 0) return <RoleChannels info={info} />;
  if (!image || image.channels.length < 2) return null;
  const map = channelMap(info, image, channelChoice.value);
  return (
    <div class="setting">
      {channelNames(info).map((name) => (
        <label key={name} class="row">
          <span class="setting-name">{name === "image" ? "Channel" : name}</span>
          <select value={map[name] === undefined ? "" : String(map[name])} onChange={(event) => {
            const { [name]: _, ...rest } = channelChoice.value;
            channelChoice.value = event.currentTarget.value === "" ? rest : { ...rest, [name]: Number(event.currentTarget.value) };
          }}>
            {image.colour && <option value="">grey (mean of the colours)</option>}
            {image.channels.map((channel) => <option key={channel.index} value={String(channel.index)}>{channel.name || `channel ${channel.index + 1}`}</option>)}
          </select>
        </label>
      ))}
    </div>
  );
}

function RecipeChooser({ info }: { info: RecipeInfo }) {
  const nChanged = Object.keys(changed.value).length;
  return (
    <section class="recipe">
      <div class="row">
        <label class="setting-name" for="recipe-choice">Recipe</label>
        <select id="recipe-choice" value={openedRecipe.value ? " opened" : info.name} onChange={(event) => {
          chooseRecipe(event.currentTarget.value);
          askExact();
        }}>
          {openedRecipe.value && <option value=" opened">{openedRecipe.value.name} (file)</option>}
          {recipes.value.map((one) => <option key={one.name} value={one.name}>{one.name}</option>)}
        </select>
        <label class="button plain only-icon file-button" title="Open a recipe file">
          <span class="unseen">Open a recipe file</span>
          <Icon name="folder" />
          <input type="file" accept=".toml" class="unseen" onChange={(event) => {
            const file = event.currentTarget.files?.[0];
            if (file) void openRecipeFile(file);
            event.currentTarget.value = "";
          }} />
        </label>
        {nChanged > 0 && <Button icon="reset" label={`Reset ${count(nChanged, "changed setting")}`} onClick={() => changeSettings({}, true)} />}
      </div>
      <p class="quiet">{info.summary}</p>
    </section>
  );
}


/** Steps that find and separate objects stand open; preparing and measuring are seldom changed. */
function isMain(name: string): boolean {
  return name.startsWith("segment.") || name.startsWith("separate.");
}

export function TunePanel() {
  const info = recipe.value;
  if (!info) return <p class="quiet pad">Recipes come from the server…</p>;
  return (
    <>
      <Finding />
      <RecipeChooser info={info} />
      <Channels info={info} />
      {info.steps.map((step) => (
        <StepCard key={`${info.name}/${step.key}`} info={info} step={step} open={isMain(step.do)} />
      ))}
      <Why choices={previewOfCurrent.value?.choices ?? []} />
      <PixelSizeField />
      <RunBox />
      {preview.value === null && !current.value && <p class="quiet pad">Open an image to see what the recipe finds.</p>}
    </>
  );
}
