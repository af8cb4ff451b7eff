/** Curves of an assay as geometry: which are drawn together, lines with gaps, bands and steps as SVG paths. */
import type { AssayBody, AssayCurve, AssayFit } from "../api/types";

/** Colours and marks that there are; more series than that stand in a chart of their own. */
export const N_STYLES = 8;

/** A mark for each style: colours alone do not tell series apart for everybody. */
export const MARKS = [
  "M-3.4 0a3.4 3.4 0 1 0 6.8 0a3.4 3.4 0 1 0-6.8 0z", "M-3 -3h6v6h-6z", "M0 -4l4 7h-8z", "M0 -4.4l3.6 4.4l-3.6 4.4l-3.6 -4.4z",
  "M0 4l4 -7h-8z", "M-1.2 -4h2.4v2.8h2.8v2.4h-2.8v2.8h-2.4v-2.8h-2.8v-2.4h2.8z", "M-4.4 -1.6h8.8v3.2h-8.8z", "M-1.6 -4.4h3.2v8.8h-3.2z",
];

type Values = readonly (number | null)[];
export type Scale = (value: number) => number;

export interface Axis {
  low: number;
  high: number;
  place: Scale;
}

export function axis(low: number, high: number, from: number, to: number): Axis {
  const end = high > low ? high : low + 1;
  return { low, high: end, place: (value) => from + ((to - from) * (value - low)) / (end - low) };
}

/** Ends of the axis of values: 0 to 100 % for shares, else from 0, or what is lower, to a little over the largest. */
export function valueEnds(values: Values, unit: string): [number, number] {
  const known = values.filter((value) => value !== null);
  if (unit === "%") return [0, Math.max(1, ...known)];
  const low = Math.min(0, ...known);
  const high = known.length > 0 ? 1.06 * Math.max(...known) : 1;
  return [low, high > low ? high : low + 1];
}

const point = (x: number, y: number): string => `${x.toFixed(1)} ${y.toFixed(1)}`;

/** A line that leaves out what is missing; a lone value is a short stroke. */
export function linePath(time: readonly number[], value: Values, x: Scale, y: Scale): string {
  const runs: string[][] = [[]];
  time.forEach((t, at) => {
    const v = value[at] ?? null;
    if (v === null) runs.push([]);
    else runs.at(-1)?.push(point(x(t), y(v)));
  });
  return runs.filter((run) => run.length > 0).map((run) => (run.length > 1 ? `M${run.join("L")}` : `M${run[0]}h1`)).join("");
}

/** The area between two lines where both are known, inside [bottom, top]. */
export function bandPath(time: readonly number[], low: Values, high: Values, x: Scale, y: Scale, bottom: number, top: number): string {
  const runs: { t: number; low: number; high: number }[][] = [[]];
  time.forEach((t, at) => {
    const [under, over] = [low[at] ?? null, high[at] ?? null];
    if (under === null || over === null) runs.push([]);
    else runs.at(-1)?.push({ t, low: Math.max(bottom, Math.min(top, under)), high: Math.min(top, Math.max(bottom, over)) });
  });
  return runs
    .filter((run) => run.length > 1)
    .map((run) => `M${[...run.map((one) => point(x(one.t), y(one.high))), ...run.reverse().map((one) => point(x(one.t), y(one.low)))].join("L")}Z`)
    .join("");
}

/** Each value holds until the next time. */
export function steps(time: readonly number[], value: Values): { time: number[]; value: (number | null)[] } {
  const out = { time: [] as number[], value: [] as (number | null)[] };
  time.forEach((t, at) => {
    if (at > 0) {
      out.time.push(t);
      out.value.push(value[at - 1] ?? null);
    }
    out.time.push(t);
    out.value.push(value[at] ?? null);
  });
  return out;
}

export function inGroups<T>(list: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, at) => list.slice(at * size, (at + 1) * size));
}

const isDrawn = (curve: AssayCurve): boolean => curve.value.filter((value) => value !== null).length > 1;

export interface CurveGroup {
  main: AssayCurve[];
  /** Curves behind, with the number in `main` that they belong to; -1 where they belong to none. */
  thin: { owner: number; curve: AssayCurve }[];
}

/**
 * What is drawn of a measure over time: conditions with their wells thin behind, else wells, else fields; more than
 * eight wells without conditions are all thin. Empty where nothing has two times.
 */
export function curveGroups(body: AssayBody, measure: string): CurveGroup[] {
  const curves = body.curves.filter((curve) => curve.measure === measure && isDrawn(curve));
  const of = (level: AssayCurve["level"]): AssayCurve[] => curves.filter((curve) => curve.level === level);
  const level = (["condition", "well", "field"] as const).find((one) => of(one).length > 0);
  if (!level) return [];
  const main = of(level);
  if (level !== "condition") {
    return main.length > N_STYLES ? [{ main: [], thin: main.map((curve) => ({ owner: -1, curve })) }] : [{ main, thin: [] }];
  }
  const owners = new Map(body.wells.map((well) => [`${well.plate}/${well.well}`, well.curve]));
  const wells = of("well");
  const behind = wells.length > main.length ? wells : [];
  return inGroups(main, N_STYLES).map((group) => ({
    main: group,
    thin: behind.flatMap((curve) => {
      const name = owners.get(`${curve.plate}/${curve.name}`);
      const owner = group.findIndex((one) => one.name === name && (one.plate === "" || one.plate === curve.plate));
      return owner < 0 ? [] : [{ owner, curve }];
    }),
  }));
}

/** The fit with the smallest AIC of a curve that has a line to draw. */
export function bestFit(body: AssayBody, curve: AssayCurve): AssayFit | null {
  let best: AssayFit | null = null;
  for (const fit of body.fits) {
    if (fit.level !== curve.level || fit.plate !== curve.plate || fit.name !== curve.name || fit.measure !== curve.measure) continue;
    if (fit.model === "dose_response" || fit.time.length === 0) continue;
    if (!best || (fit.aic !== null && (best.aic === null || fit.aic < best.aic))) best = fit;
  }
  return best;
}

/** With its plate where there are several. */
export function curveTitle(body: AssayBody, plate: string, name: string): string {
  const several = new Set(body.wells.map((well) => well.plate)).size > 1;
  return plate && several ? `${plate} · ${name}` : name || "all";
}

/** Place of the last value of a curve; -1 where it has none. */
export function lastAt(curve: AssayCurve): number {
  for (let at = curve.value.length - 1; at >= 0; at--) if ((curve.value[at] ?? null) !== null) return at;
  return -1;
}
