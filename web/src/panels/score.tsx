/** How good the best of the search is, on what it had not seen: never more than was measured. */
import { Confusion } from "../charts/confusion";
import { Importance, importanceGroups } from "../charts/importance";
import { curvePoints, LearningCurve } from "../charts/learning_curve";
import { ScoreBar } from "../charts/score_bar";
import type { ScoreReport } from "../api/types";
import { search } from "../state/learn";
import { sentence } from "../state/numbers";
import { classColours } from "../state/paint";
import { Popover } from "./controls";
import { Icon } from "./icons";
import { scoreText } from "./search";

function PerClass({ report }: { report: ScoreReport }) {
  return (
    <div class="scroll-x">
      <table class="small-table per-class">
        <thead>
          <tr>
            <th scope="col">Class</th><th scope="col">IoU</th>
            <th scope="col" title="Of what is predicted as this class, the share that is of it">Precision</th>
            <th scope="col" title="Of this class, the share that is predicted as it">Recall</th>
            <th scope="col" title="Strokes that it was tested on">Strokes</th>
          </tr>
        </thead>
        <tbody>
          {report.per_class.map((one) => (
            <tr key={one.class_id}>
              <th scope="row"><i class="swatch" style={{ background: classColours.value[one.class_id] }} />{one.name}</th>
              <td class="number">{scoreText(one.iou)}</td><td class="number">{scoreText(one.precision)}</td><td class="number">{scoreText(one.recall)}</td>
              <td class="number">{one.n_strokes.toLocaleString("en")}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function Score() {
  const report = search.value?.report;
  if (!report) return null;
  const interval = `95 % interval ${scoreText(report.low)} to ${scoreText(report.high)}`;
  return (
    <details class="card score" open>
      <summary><Icon name="chevron" /><span class="card-title">How good is it?</span><span class="tag">estimate</span></summary>
      <div class="card-body">
      {report.warnings.map((warning) => <p key={warning} class="note warn">{sentence(warning)}</p>)}
      <div class="score-line">
        <strong class="big number">{scoreText(report.miou)}</strong>
        <span>mIoU <span class="quiet number">{interval}</span></span>
        <Popover label="What mIoU means">
          <p>For each class: the area that is both predicted and true, divided by the area that is either. 1 is perfect. mIoU is the mean over the classes.</p>
          <p class="quiet">It is an estimate for images like these. The interval says how far off it may be by chance; images of another kind may be worse.</p>
        </Popover>
      </div>
      <ScoreBar value={report.miou} low={report.low} high={report.high} label={`mIoU ${scoreText(report.miou)}, ${interval}`} />
      <p class="quiet">Estimated on what the model had not seen. {sentence(report.method)}</p>
      <PerClass report={report} />
      <Confusion classes={report.per_class} matrix={report.confusion} colours={classColours.value} />
      {curvePoints(report.learning_curve).length > 1 && <h2 class="small-title">Would more strokes help?</h2>}
      <LearningCurve curve={report.learning_curve} />
      {importanceGroups(report.importance, 1).length > 0 && <h2 class="small-title">What it looks at</h2>}
      <Importance list={report.importance} />
      </div>
    </details>
  );
}
