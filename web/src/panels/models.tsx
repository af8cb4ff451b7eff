/** Use a model: keep the one that is looked at, apply one to images, take it along, bring one. */
import { useId, useState } from "preact/hooks";
import { api } from "../api/client";
import type { ClassInfo, ModelInfo } from "../api/types";
import { current, project, ready } from "../state/images";
import { learn, lookedModel, lookModel, liveOn, livePlain, search } from "../state/learn";
import { applyModel, AREAS_ONLY, askToDeleteModel, bringModel, freeName, keepModel, learnedStep, NO_OBJECTS } from "../state/models";
import { bytesText, count, sentence, timeText } from "../state/numbers";
import { classes } from "../state/paint";
import { Button } from "./controls";
import { Icon } from "./icons";
import { scoreText } from "./search";

/** What a run measures: objects of one class; the areas of all classes come with every run. */
function ObjectsOf({ list, value, onChange }: { list: ClassInfo[]; value: string; onChange: (name: string) => void }) {
  const id = useId();
  return (
    <div class="row">
      <label class="setting-name" for={id}>Measure</label>
      <select id={id} class="grow" value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {list.map((one) => <option key={one.id} value={one.name}>objects of {one.name}</option>)}
        <option value={NO_OBJECTS}>{AREAS_ONLY}</option>
      </select>
    </div>
  );
}

function RunButtons({ start, disabled }: { start: (images: string[] | null) => void; disabled: boolean }) {
  const image = current.value;
  const n = ready.value.length;
  return (
    <div class="row two">
      <Button label="Apply to this image" text kind={n < 2 ? "primary" : "plain"} disabled={disabled || image?.status !== "ready"} onClick={() => image && start([image.id])} />
      {n > 1 && <Button label={`Apply to all ${n} images`} text kind="primary" disabled={disabled} onClick={() => start(null)} />}
    </div>
  );
}

/** The live model or the best of the search becomes a model of the project, and may be used at once. */
function KeepBox({ which }: { which: "live" | "search" }) {
  const models = learn.value?.models ?? [];
  const [typed, setTyped] = useState<string | null>(null);
  const [objects, setObjects] = useState("");
  const [busy, setBusy] = useState(false);
  const name = typed ?? freeName(models.map((one) => one.name));
  const painted = new Set((learn.value?.painted ?? []).flatMap((one) => Object.keys(one.areas)));
  const list = classes.value.filter((one) => painted.has(String(one.id)));
  const chosen = objects === NO_OBJECTS || list.some((one) => one.name === objects) ? objects : (list[0]?.name ?? NO_OBJECTS);
  const keep = async (): Promise<ModelInfo | undefined> => {
    setBusy(true);
    const kept = await keepModel(name.trim(), which);
    setBusy(false);
    if (kept) setTyped(null);
    return kept ? learn.value?.models.find((one) => one.name === name.trim()) : undefined;
  };
  const disabled = busy || (project.value?.read_only ?? true) || learn.value === null || (which === "live" && livePlain.value !== "");
  return (
    <form class="keep" onSubmit={(event) => {
      event.preventDefault();
      if (!disabled) void keep();
    }}>
      <p class="quiet">{which === "live" ? "The live model as it is now" : "The best of the search"}, kept under a name; later strokes do not change it. Applying keeps it, too.</p>
      {which === "search" && search.value?.is_older && <p class="note warn">Strokes have changed since this search.</p>}
      <div class="row">
        <input type="text" class="grow" aria-label="Name of the model" value={name} required maxLength={64} onInput={(event) => setTyped(event.currentTarget.value)} />
        <button type="submit" class="button plain" disabled={disabled}><Icon name="save" /><span>Keep as model</span></button>
      </div>
      {learnedStep() && list.length > 0 && (
        <>
          <ObjectsOf list={list} value={chosen} onChange={setObjects} />
          <RunButtons disabled={disabled} start={(images) => void keep().then((model) => model && applyModel(model, chosen, images))} />
        </>
      )}
    </form>
  );
}

function ModelCard({ model }: { model: ModelInfo }) {
  const [applying, setApplying] = useState(false);
  const [objects, setObjects] = useState(model.classes[0]?.name ?? "");
  const readOnly = project.value?.read_only ?? true;
  const looked = lookedModel.value === `model:${model.name}`;
  const score = model.miou === null ? "no score yet" : `mIoU ${scoreText(model.miou)} (${scoreText(model.low)} – ${scoreText(model.high)})`;
  return (
    <li class="model">
      <div class="row">
        <span class="card-title" title={model.description}>{model.name}</span>
        {model.classes.length > 0 && (
          <span class="model-classes" aria-label={model.classes.map((one) => one.name).join(", ")} role="img" title={model.classes.map((one) => one.name).join(", ")}>
            {model.classes.map((one) => <i key={one.id} class="swatch" style={{ background: one.colour }} />)}
          </span>
        )}
        <span class="spring" />
        <Button icon="eye" label={`Look at ${model.name} in the image`} pressed={looked} disabled={model.problem !== ""} onClick={() => {
          lookModel.value = looked ? "live" : `model:${model.name}`;
          liveOn.value = true;
        }} />
        <a class="button plain only-icon" href={api.modelFile(model.name)} download="" title={`Download ${model.name} (${bytesText(model.n_bytes)})`} aria-label={`Download ${model.name}`}><Icon name="download" /></a>
        {!readOnly && <Button icon="trash" label={`Delete ${model.name}`} onClick={() => askToDeleteModel(model)} />}
      </div>
      {model.problem
        ? <p class="note bad">{sentence(model.problem)}</p>
        : <p class="quiet number small-line">{[score, count(model.n_strokes, "stroke"), count(model.n_images, "image"), timeText(model.saved_at)].join(" · ")}</p>}
      {model.problem === "" && model.is_older && <p class="quiet small-line">Strokes have changed since; keep a new model to use them.</p>}
      {model.problem === "" && learnedStep() && (applying ? (
        <div class="keep">
          <ObjectsOf list={model.classes} value={objects} onChange={setObjects} />
          <RunButtons disabled={readOnly} start={(images) => void applyModel(model, objects, images)} />
        </div>
      ) : <Button label="Apply to images…" text disabled={readOnly} onClick={() => setApplying(true)} />)}
    </li>
  );
}

export function Models() {
  const models = learn.value?.models ?? [];
  const looked = lookedModel.value;
  const which = looked === "search" ? "search" : "live";
  const usableNow = livePlain.value === "" || search.value?.report;
  return (
    <details class="card models" open>
      <summary><Icon name="chevron" /><span class="card-title">Use it</span>{models.length > 0 && <span class="tag">{count(models.length, "model")}</span>}</summary>
      <div class="card-body">
      {looked.startsWith("model:") ? null : usableNow ? <KeepBox key={which} which={which} /> : (
        <p class="quiet">Once there is a prediction, keep its model here and apply it to all images: each pixel gets its class, and the objects of a class are measured.</p>
      )}
      {models.length > 0 && <ul class="model-list" aria-label="Models of the project">{models.map((one) => <ModelCard key={one.name} model={one} />)}</ul>}
      {!(project.value?.read_only ?? true) && (
        <label class="button plain file-button">
          <Icon name="upload" /><span>Add a model file</span>
          <input type="file" accept=".granum,.granum_model" class="unseen" onChange={(event) => {
            const file = event.currentTarget.files?.[0];
            if (file) void bringModel(file);
            event.currentTarget.value = "";
          }} />
        </label>
      )}
      </div>
    </details>
  );
}
