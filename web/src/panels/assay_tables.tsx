/** Tables of an assay with their intervals: conditions at the last time, fits, controls. */
import type { AssayBody, AssayFit, AssayInterval } from "../api/types";
import { intervalText, measureOf, timeText } from "../charts/plate_scale";
import { curveTitle, lastAt } from "../charts/series";
import { sentence, shortNumber } from "../state/numbers";
import { Part, Scroll } from "./assay_part";

const MOST_ROWS = 200;
const MODELS: Record<string, string> = {
  exponential: "exponential growth", logistic: "logistic growth", gompertz: "Gompertz growth", linear: "straight line", dose_response: "dose response",
};
const UNITS: Record<string, string> = { h: "h", min: "min", s: "s", d: "d", frame: "frames", um: "µm", um2: "µm²", nm: "nm", nm2: "nm²", mm: "mm", mm2: "mm²", px: "px", px2: "px²", percent: "%" };

/** "doubling_time_h" is doubling time in h, "closing_rate_per_h" closing rate per h, "rate_um_per_h" rate in µm per h. */
export function parameterText(name: string): { title: string; unit: string } {
  const parts = name.split("_");
  const take = (): string => (parts.length > 1 && UNITS[parts.at(-1) ?? ""] !== undefined ? (UNITS[parts.pop() as string] as string) : "");
  let unit = take();
  if (unit && parts.length > 1 && parts.at(-1) === "per") {
    parts.pop();
    unit = `${take()} per ${unit === "frames" ? "frame" : unit}`.trim();
  }
  return { title: parts.map((part) => (/^(ec|ic|ed)\d+$/.test(part) ? part.toUpperCase() : part)).join(" "), unit };
}

export function ConditionsTable({ body }: { body: AssayBody }) {
  const level = body.curves.some((curve) => curve.level === "condition") ? "condition" : "well";
  const curves = body.curves.filter((curve) => curve.level === level && !curve.measure.endsWith("_t0"));
  const names = [...new Map(curves.map((curve) => [`${curve.plate}/${curve.name}`, curve])).values()];
  if (names.length < 2 || (level === "well" && body.wells.some((well) => well.row > 0))) return null; // wells stand on the plate
  const measures = [...new Set(curves.map((curve) => curve.measure))].map((name) => measureOf(body, name));
  return (
    <Part title={level === "condition" ? "Conditions" : "Wells"} about="last time">
      <Scroll label="Table: conditions">
        <table class="small-table">
          <thead><tr><th scope="col">{level}</th><th scope="col">n</th>{measures.map((one) => <th key={one.name} scope="col">{one.title}</th>)}</tr></thead>
          <tbody>
            {names.slice(0, MOST_ROWS).map(({ plate, name }) => {
              const own = measures.map((measure) => curves.find((curve) => curve.plate === plate && curve.name === name && curve.measure === measure.name));
              const n = Math.max(0, ...own.map((curve) => (curve ? (curve.n[lastAt(curve)] ?? 0) : 0)));
              return (
                <tr key={`${plate}/${name}`}>
                  <th scope="row">{curveTitle(body, plate, name)}</th><td class="number">{n || ""}</td>
                  {own.map((curve, at) => {
                    const last = curve ? lastAt(curve) : -1;
                    return <td key={measures[at]?.name} class="number">{curve && last >= 0 ? intervalText(curve.value[last], curve.low[last], curve.high[last], measures[at]?.unit ?? "") : "–"}</td>;
                  })}
                </tr>
              );
            })}
          </tbody>
        </table>
      </Scroll>
      {level === "condition" && <p class="quiet">n: replicates; intervals at 95 % over them (Student’s t).</p>}
    </Part>
  );
}

function parameterLine([name, interval]: [string, AssayInterval]): string {
  const { title, unit } = parameterText(name);
  return `${title} ${intervalText(interval.value, interval.low, interval.high, "")} ${unit}`.trim();
}

function Fit({ body, fit, best }: { body: AssayBody; fit: AssayFit; best: boolean }) {
  const lines = Object.entries(fit.parameters).filter(([, one]) => one.value !== null || one.low !== null || one.high !== null);
  return (
    <tr>
      <th scope="row" class="wrap"><span>{curveTitle(body, fit.plate, fit.name)}</span><span class="quiet">{measureOf(body, fit.measure).title}</span></th>
      <td class="number wrap">
        <span class="quiet">{MODELS[fit.model] ?? fit.model.replaceAll("_", " ")}{fit.aic !== null && ` · AIC ${fit.aic.toFixed(1)}`}{best && <span class="tag">best</span>}</span>
        {lines.map((one) => <span key={one[0]}>{parameterLine(one)}</span>)}
        {fit.note && <span class="quiet">{fit.note}</span>}
      </td>
    </tr>
  );
}

export function FitsTable({ body }: { body: AssayBody }) {
  const every = body.fits.filter((fit) => fit.model !== "log_rank");
  // what is published stands first: conditions, and of those what could be fitted
  const rank = (fit: AssayFit): number => (fit.level === "condition" ? 0 : 2) + (Object.keys(fit.parameters).length > 0 ? 0 : 1);
  const fits = [...every].sort((a, b) => rank(a) - rank(b));
  if (fits.length === 0) return null;
  const key = (fit: AssayFit): string => [fit.level, fit.plate, fit.name, fit.measure].join("/");
  const criteria = new Map<string, number[]>();
  for (const fit of fits) if (fit.aic !== null && Object.keys(fit.parameters).length > 0) criteria.set(key(fit), [...(criteria.get(key(fit)) ?? []), fit.aic]);
  const isBest = (fit: AssayFit): boolean => (criteria.get(key(fit))?.length ?? 0) > 1 && fit.aic === Math.min(...(criteria.get(key(fit)) ?? []));
  return (
    <Part title="Fits" about={String(fits.length)}>
      <Scroll label="Table: fits" tall>
        <table class="small-table fits">
          <thead><tr><th scope="col">of</th><th scope="col">model and parameters, 95 %</th></tr></thead>
          <tbody>{fits.slice(0, MOST_ROWS).map((fit) => <Fit key={`${key(fit)}/${fit.model}`} body={body} fit={fit} best={isBest(fit)} />)}</tbody>
        </table>
      </Scroll>
      {fits.length > MOST_ROWS && <p class="quiet">The first {MOST_ROWS} of {fits.length}; fits.csv has all.</p>}
    </Part>
  );
}

export function QualityTable({ body }: { body: AssayBody }) {
  if (body.quality.length === 0) return null;
  const several = new Set(body.quality.map((one) => one.plate)).size > 1;
  return (
    <Part title="Controls">
      <Scroll label="Table: controls">
        <table class="small-table fits">
          <thead><tr>{several && <th scope="col">plate</th>}<th scope="col">measure</th><th scope="col">Z′</th><th scope="col">SSMD</th><th scope="col" title="Positive and negative wells">wells +/−</th></tr></thead>
          <tbody>
            {body.quality.slice(0, MOST_ROWS).map((one) => (
              <tr key={`${one.plate}/${one.measure}/${one.time}`}>
                {several && <td>{one.plate}</td>}
                <th scope="row" class="wrap">
                  <span>{measureOf(body, one.measure).title}{body.images.length > 1 && one.time !== null && ` at ${timeText(one.time, body.time_unit)}`}</span>
                  <span class="quiet">{sentence(one.verdict)}{one.note && `. ${one.note}`}</span>
                </th>
                <td class="number">{shortNumber(one.z_prime, 3)}</td><td class="number">{shortNumber(one.ssmd, 3)}</td><td class="number">{one.n_positive}/{one.n_negative}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </Part>
  );
}
