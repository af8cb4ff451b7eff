/** Doubtful splits one by one, and corrections by hand. */
import { shortNumber } from "../state/numbers";
import { canStep, editsWaiting, editSelected, editState, editStep } from "../state/edits";
import { doubtful, reviewAt, runImage, selection, sourceRun, table, wantedKey } from "../state/results";
import { reviewStep, showDoubtful } from "../state/review";
import { numberAt } from "../state/table";
import { resultTool } from "../state/view";
import { Button } from "./controls";
import { Icon } from "./icons";

function Review() {
  const list = doubtful.value;
  const shown = table.value;
  if (!shown || list.length === 0) return <p class="quiet">No separation is doubtful here.</p>;
  const column = shown.byName.get("confidence");
  return (
    <>
      <div class="row">
        <Button icon="previous" label="Previous doubtful split" keys="P" onClick={() => reviewStep(-1)} />
        <span class="number" role="status">{reviewAt.value < 0 ? `${list.length} doubtful` : `${reviewAt.value + 1} of ${list.length}`}</span>
        <Button icon="next" label="Next doubtful split" keys="N" onClick={() => reviewStep(1)} />
        <span class="quiet">most doubtful first</span>
      </div>
      <ul class="doubtful">
        {list.slice(0, 200).map((row, at) => (
          <li key={row}>
            <button type="button" class={`button chip-button ${at === reviewAt.value ? "on" : ""}`} onClick={() => showDoubtful(at)}>
              <span class="number">{shown.labels[row]}</span> <span class="number quiet">{shortNumber(numberAt(column, row), 2)}</span>
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}

function Edit() {
  const n = selection.value.size;
  const state = editState.value?.key === wantedKey.value ? editState.value : null;
  const nEdits = state?.nEdits ?? runImage.value?.n_edits ?? 0;
  return (
    <>
      <div class="row wrap">
        <Button icon="merge" label="Merge" keys="M" text disabled={n < 2} onClick={() => editSelected("merge")} />
        <Button icon="split" label="Split" keys="X" text pressed={resultTool.value === "split"} onClick={() => (resultTool.value = "split")} />
        <Button icon="draw" label="Draw" text pressed={resultTool.value === "draw"} onClick={() => (resultTool.value = "draw")} />
        <Button icon="erase" label="Erase" text pressed={resultTool.value === "erase"} onClick={() => (resultTool.value = "erase")} />
        <Button icon="fill" label="Fill holes" text disabled={n < 1} onClick={() => editSelected("fill")} />
        <Button icon="trash" label="Delete" keys="Del" text disabled={n < 1} onClick={() => editSelected("delete")} />
      </div>
      <div class="row">
        <Button icon="undo" label="Undo" keys="Ctrl Z" disabled={!canStep.value.undo} onClick={() => editStep("undo")} />
        <Button icon="redo" label="Redo" keys="Shift Ctrl Z" disabled={!canStep.value.redo} onClick={() => editStep("redo")} />
        <span class="quiet">{nEdits === 0 ? "no corrections in this image" : nEdits === 1 ? "1 correction, part of the run" : `${nEdits} corrections, part of the run`}</span>
        {editsWaiting.value > 0 && <span class="quiet">saving…</span>}
      </div>
    </>
  );
}

export function Corrections() {
  return (
    <>
      <details class="card" open={doubtful.value.length > 0}>
        <summary><Icon name="chevron" /><span class="card-title">Doubtful splits</span><span class="tag number">{doubtful.value.length}</span></summary>
        <Review />
      </details>
      <details class="card" open={sourceRun.value !== ""}>
        <summary><Icon name="chevron" /><span class="card-title">Correct by hand</span></summary>
        {sourceRun.value ? <Edit /> : <p class="quiet">Corrections become part of a run. Run the recipe on this image, then open the run here.</p>}
      </details>
    </>
  );
}
