/** The live prediction: on or off, by which model, how it is drawn. */
import { best, learn, learning, liveOn, livePlain, lookedModel, lookModel, lookProblem, predictions, shown, UNSURE, usable } from "../state/learn";
import { count, durationText, sentence, shortNumber } from "../state/numbers";
import { lookOf, setLook } from "../state/view";
import { Button, Segmented } from "./controls";

const STYLES = [{ value: "fill", text: "Fill" }, { value: "outline", text: "Outline" }, { value: "both", text: "Both" }];

/** Lines are thin: they need more strength than areas, through which the image is to be seen. */
const STRENGTH: Record<string, number> = { fill: 0.4, outline: 0.95, both: 0.8 };

/** How one layer is drawn: shown or not, how strongly. */
function LookRow({ name, text, keys }: { name: "paint" | "prediction" | "uncertainty"; text: string; keys?: string }) {
  const look = lookOf(name);
  const percent = Math.round(look.opacity * 100);
  return (
    <div class="look-row">
      <Button icon={look.visible ? "eye" : "eye_off"} label={`Show ${text.toLowerCase()}`} {...(keys ? { keys } : {})} pressed={look.visible} onClick={() => setLook(name, { visible: !look.visible })} />
      <span class="look-name">{text}{keys && <> <kbd>{keys}</kbd></>}{name === "uncertainty" && <i class="swatch" style={{ background: UNSURE }} />}</span>
      <input
        type="range" min={5} max={100} value={percent} aria-label={`Opacity of ${text.toLowerCase()}`}
        onInput={(event) => setLook(name, { opacity: Number(event.currentTarget.value) / 100 })}
      />
      <output class="number quiet">{percent} %</output>
    </div>
  );
}

/** Whether what is in view is up to date, and only the rest of the image is missing. */
function isViewDone(): boolean {
  return predictions.value.coming === null && shown.value?.message.model === lookedModel.value;
}

function Status() {
  if (!liveOn.value) return <span class="tag">off</span>;
  if (livePlain.value) return <span class="tag">waits for strokes</span>;
  if (lookProblem.value) return <span class="tag bad">no prediction</span>;
  if (learning.value) return <span class="tag">{!shown.value ? "first look…" : isViewDone() ? "the rest follows…" : "learning…"}</span>;
  return <span class="tag good" title="From the last stroke to the whole prediction">up to date · {durationText(1000 * (shown.value?.message.seconds ?? 0))}</span>;
}

function ModelChoice() {
  const found = best.value;
  if (!found && usable.value.length === 0) return null;
  return (
    <div class="row">
      <label class="setting-name" for="look-model">Model</label>
      <select id="look-model" class="grow" value={lookedModel.value} onChange={(event) => (lookModel.value = event.currentTarget.value)}>
        <option value="live">live: learns from every stroke</option>
        {found && <option value="search">best of the search (mIoU {shortNumber(found.miou, 2)})</option>}
        {usable.value.map((one) => <option key={one.name} value={`model:${one.name}`}>{one.name}</option>)}
      </select>
    </div>
  );
}

/** What to do, for somebody who has not done it yet. */
function Teach() {
  const painted = new Set((learn.value?.painted ?? []).flatMap((one) => Object.keys(one.areas).filter((id) => (one.areas[id] ?? 0) > 0))).size;
  return (
    <div class="teach">
      <p>{painted === 0
        ? "Choose a class, draw a short stroke over a place that belongs to it, then do the same with another class. From two classes on, every pixel of the image is predicted at once."
        : "Now paint a few strokes of another class: the prediction comes with the first one."}</p>
      {painted > 0 && livePlain.value && <p class="quiet">{sentence(livePlain.value)}</p>}
    </div>
  );
}

export function LivePrediction() {
  const style = lookOf("prediction").style;
  const painted = learn.value?.painted ?? [];
  const images = new Set(painted.map((one) => one.image)).size;
  return (
    <section class="live" aria-label="Live prediction">
      <div class="row">
        <label class="row setting-name">
          <input type="checkbox" role="switch" class="switch" checked={liveOn.value} onChange={(event) => (liveOn.value = event.currentTarget.checked)} />
          Live prediction
        </label>
        <span class="spring" />
        <span role="status"><Status /></span>
      </div>
      {liveOn.value && livePlain.value && <Teach />}
      <ModelChoice />
      <div class="looks-list">
        <LookRow name="paint" text="Strokes" />
        <LookRow name="prediction" text="Prediction" keys="P" />
        <LookRow name="uncertainty" text="Unsure places" keys="U" />
      </div>
      <div class="row">
        <span class="setting-name">Draw it as</span>
        <span class="spring" />
        <Segmented label="How the prediction is drawn" choices={STYLES} value={style} onChange={(value) => setLook("prediction", { style: value as typeof style, opacity: STRENGTH[value] ?? 0.4 })} />
      </div>
      {liveOn.value && !livePlain.value && lookProblem.value && <p class="note bad">{sentence(lookProblem.value)}</p>}
      {[...(learn.value?.notes ?? []), ...(shown.value?.message.notes ?? [])].map((note) => <p key={note} class="note warn">{sentence(note)}</p>)}
      <p class="quiet number small-line" title={learn.value?.live}>
        {painted.length > 0 ? `Learns from ${count(painted.reduce((sum, one) => sum + one.n_strokes, 0), "stroke")} on ${count(images, "image")}.` : "Strokes on all images of the project count together."}
      </p>
    </section>
  );
}
