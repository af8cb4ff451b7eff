/** Measures over time, and how long nuclei live. */
import type { AssayBody, AssaySurvival } from "../api/types";
import { LineChart, type Line } from "../charts/line_chart";
import { measureOf } from "../charts/plate_scale";
import { bestFit, curveGroups, curveTitle, inGroups, N_STYLES } from "../charts/series";
import { shownMeasure } from "../state/assay";
import { shortNumber } from "../state/numbers";
import { Part, Scroll } from "./assay_part";
import { MeasureChoice } from "./assay_choices";

const MOST_CHARTS = 6;

export function AssayCurves({ body }: { body: AssayBody }) {
  if (body.measures.every((one) => curveGroups(body, one.name).length === 0)) return null; // one time
  const measure = measureOf(body, shownMeasure.value);
  const groups = curveGroups(body, measure.name);
  return (
    <Part title="Over time" open>
      <div class="card-body">
        <div class="row"><MeasureChoice body={body} id="curve-measure" /></div>
        {groups.length === 0 && <p class="quiet">{measure.title} is known at one time only.</p>}
        {groups.slice(0, MOST_CHARTS).map((group, at) => {
          const lines: Line[] = group.main.map((curve) => ({ name: curveTitle(body, curve.plate, curve.name), time: curve.time, value: curve.value, low: curve.low, high: curve.high, fit: bestFit(body, curve) }));
          const words = [
            group.main.length === 0 ? "Each line is a well or field" : group.main.some((curve) => curve.low.some((end) => end !== null)) ? "Bands: 95 %" : "",
            group.main.length > 0 && group.thin.length > 0 ? "thin: wells" : "", lines.some((line) => line.fit) ? "dashed: fit" : "",
          ].filter(Boolean).join(" · ");
          return <LineChart key={at} title={measure.title} unit={measure.unit} timeUnit={body.time_unit} lines={lines} thin={group.thin.map(({ owner, curve }) => ({ owner, time: curve.time, value: curve.value }))} note={words} />;
        })}
        {groups.length > MOST_CHARTS && <p class="quiet">{groups.length - MOST_CHARTS} more charts are left out; conditions.csv has all values.</p>}
      </div>
    </Part>
  );
}

function medianText(one: AssaySurvival): string {
  const { value, low, high } = one.median;
  if (value === null) return low === null ? "not reached" : `not reached (over ${shortNumber(low)})`;
  const ends = low !== null && high !== null ? ` (${shortNumber(low)} to ${shortNumber(high)})` : low !== null ? ` (at least ${shortNumber(low)})` : "";
  return `${shortNumber(value)}${ends}`;
}

export function AssaySurvivalPart({ body }: { body: AssayBody }) {
  const level = (["condition", "well", "field"] as const).find((one) => body.survival.some((curve) => curve.level === one && curve.time.length > 1));
  if (!level) return null;
  const curves = body.survival.filter((one) => one.level === level && one.time.length > 1);
  const name = (one: AssaySurvival): string => curveTitle(body, one.plate, one.name);
  const tests = body.fits.filter((fit) => fit.model === "log_rank");
  return (
    <Part title="Survival">
      <div class="card-body">
        {inGroups(curves, N_STYLES).slice(0, MOST_CHARTS).map((group, at) => (
          <LineChart
            key={at} title="Share still alive" unit="%" timeUnit={body.time_unit} stepped note="Kaplan-Meier · bands: 95 %"
            lines={group.map((one) => ({ name: name(one), time: one.time, value: one.survival, low: one.low, high: one.high }))}
          />
        ))}
        <Scroll label="Table: survival">
          <table class="small-table">
            <thead><tr><th scope="col">{level}</th><th scope="col">at start</th><th scope="col">at risk, end</th><th scope="col">deaths</th><th scope="col">lost</th><th scope="col">median ({body.time_unit}), 95 %</th></tr></thead>
            <tbody>
              {curves.map((one) => (
                <tr key={`${one.plate}/${one.name}`}>
                  <th scope="row">{name(one)}</th><td class="number">{one.at_risk[0] ?? 0}</td><td class="number">{one.at_risk.at(-1) ?? 0}</td>
                  <td class="number">{one.n_deaths}</td><td class="number">{one.n_censored}</td><td class="number">{medianText(one)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
        {tests.map((test) => (
          <p key={`${test.plate}/${test.name}`}>
            {curveTitle(body, test.plate, test.name)} against the control, log-rank:{" "}
            <span class="number">{Object.entries(test.parameters).filter(([key, { value }]) => key.startsWith("p_value") && value !== null).reverse().map(([key, { value }]) => `p ${key === "p_value" ? "over nuclei" : "over wells"} ${shortNumber(value, 3)}`).join(", ") || "not tested"}</span>
            {test.note && <span class="quiet"> {test.note}</span>}
          </p>
        ))}
      </div>
    </Part>
  );
}
