/** Paint: classes and strokes, what a model makes of them at once, and what is done with that model. */
import { api } from "../api/client";
import { current, project } from "../state/images";
import { count } from "../state/numbers";
import { paint, PAINT_LAYER, paintStep } from "../state/paint";
import { plane } from "../state/view";
import { Classes } from "./class_list";
import { Button } from "./controls";
import { Icon } from "./icons";
import { LivePrediction } from "./live";
import { Models } from "./models";
import { Score } from "./score";
import { SearchBox } from "./search";
import { Suggestions } from "./suggestions";

export function PaintPanel() {
  const state = paint.value;
  const image = current.value;
  const readOnly = project.value?.read_only ?? true;
  return (
    <div class="paint">
      {readOnly && project.value && <p class="note warn">{project.value.read_only_reason || "This project is read-only: nothing can be painted."}</p>}
      <Classes />
      <section class="row">
        <Button icon="undo" label="Undo" keys="Ctrl Z" text disabled={!(state?.can_undo ?? false)} onClick={() => paintStep("undo")} />
        <Button icon="redo" label="Redo" keys="Shift Ctrl Z" text disabled={!(state?.can_redo ?? false)} onClick={() => paintStep("redo")} />
        <span class="spring" />
        <span class="quiet number" role="status">{count(state?.n_strokes ?? 0, "stroke")}</span>
      </section>
      <LivePrediction />
      <Suggestions />
      <SearchBox />
      <Score />
      <Models />
      {image && (
        <p class="quiet">
          Strokes are kept in the project as they are drawn; nothing needs to be saved.{" "}
          <a href={api.paintLabels(image.id, PAINT_LAYER, plane.value.t, plane.value.z)} download=""><Icon name="download" /> As a label image</a>
        </p>
      )}
    </div>
  );
}
