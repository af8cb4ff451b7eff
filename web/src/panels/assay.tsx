/** The result of an assay: the numbers at its head, then plate, curves, survival, tables, what to look at, films. */
import { runFile } from "../api/client";
import type { AssayBody } from "../api/types";
import { assay, assayProblem, assayStale, assayWorking, loadAssay } from "../state/assay";
import { count, sentence } from "../state/numbers";
import { run } from "../state/results";
import { AssayCurves, AssaySurvivalPart } from "./assay_curves";
import { AssayPlate } from "./assay_plate";
import { AssayReviewPart } from "./assay_review";
import { ConditionsTable, FitsTable, QualityTable } from "./assay_tables";
import { Videos } from "./assay_videos";
import { Button } from "./controls";

function Numbers({ body }: { body: AssayBody }) {
  return (
    <dl class="assay-numbers">
      {body.numbers.map((one, at) => (
        <div key={one.name} class={at === 0 ? "first" : ""}>
          <dt>{one.name}</dt>
          <dd class="number">{one.value}{one.unit && <small> {one.unit}</small>}<span class="quiet">{one.below}</span></dd>
        </div>
      ))}
    </dl>
  );
}

/** Corrections by hand change what was counted: either they are in these numbers, or it is said that they are not. */
function Corrected({ body }: { body: AssayBody }) {
  const n = run.value?.images.reduce((sum, one) => sum + one.n_edits, 0) ?? 0;
  if (n === 0) return null;
  if (!body.before_corrections) return <p class="quiet">{count(n, "correction")} by hand {n === 1 ? "is" : "are"} in these numbers.</p>;
  return (
    <div class="note warn">
      <p>These numbers are from before {count(n, "correction")} by hand.</p>
      {assayWorking.value
        ? <p class="quiet" role="status">The run is done again with {n === 1 ? "it" : "them"}; this takes about as long as the run did.</p>
        : <Button label={n === 1 ? "Work it in" : "Work them in"} text onClick={() => void loadAssay(true)} />}
    </div>
  );
}

/** Tables that are in the folder, told from what the assay holds. */
function Tables({ id, body }: { id: string; body: AssayBody }) {
  const names = [
    "wells.csv", body.curves.some((one) => one.level === "condition") && "conditions.csv", body.survival.length > 0 && "survival.csv",
    body.fits.length > 0 && "fits.csv", body.quality.length > 0 && "quality.csv",
  ].filter((name) => name !== false);
  return (
    <p class="assay-files quiet">
      <span>Tables:</span>
      {names.map((name) => <a key={name} href={runFile(id, name, body.before_corrections)} download="">{name}</a>)}
    </p>
  );
}

export function AssaySection() {
  const [open, body] = [run.value, assay.value];
  if (!open?.assay) return null;
  const title = open.assay === "live-dead" ? "Live or dead" : "Confluency";
  return (
    <section class={`assay ${assayStale.value && body ? "stale" : ""}`} aria-label="Assay" aria-busy={assayStale.value}>
      <h2 class="small-title">Assay: {title.toLowerCase()}</h2>
      {assayProblem.value && <p class="note bad" role="status">{sentence(assayProblem.value)}</p>}
      {!body && !assayProblem.value && <p class="quiet" role="status">The result is on its way…</p>}
      {body && (
        <>
          <Corrected body={body} />
          <Numbers body={body} />
          {body.notes.map((note) => <p key={note} class="note warn">{sentence(note)}</p>)}
          <AssayPlate body={body} />
          <AssayCurves body={body} />
          <AssaySurvivalPart body={body} />
          <ConditionsTable body={body} />
          <FitsTable body={body} />
          <QualityTable body={body} />
          <AssayReviewPart id={open.id} body={body} />
          <Videos id={open.id} body={body} />
          {body.images.length > 1 && <Tables id={open.id} body={body} />}
        </>
      )}
    </section>
  );
}
