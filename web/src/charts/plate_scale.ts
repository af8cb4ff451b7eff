/** A plate as numbers: its shape, the value of every well at a time, colours and the ink that is read on them. */
import type { AssayBody, AssayCurve, AssayMeasure, AssayWell } from "../api/types";
import { shortNumber } from "../state/numbers";

/** Rows and columns of 6, 12, 24, 48, 96, 384 and 1536 wells. */
const PLATES: [number, number][] = [[2, 3], [3, 4], [4, 6], [6, 8], [8, 12], [16, 24], [32, 48]];

// cividis in seventeen points: it looks the same to people with and without colour-blindness
const CIVIDIS = "00224e 002e6a 1a386f 32436d 434e6c 535a6d 61656f 6f7073 7d7c78 8b8778 9a9376 aaa073 bbad6d ccba64 ddc858 efd748 fee838"
  .split(" ")
  .map((hex) => [0, 2, 4].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)));

/** The smallest plate that has all the wells, or just their place where they fit in none. */
export function plateShape(wells: Pick<AssayWell, "row" | "column">[]): [number, number] {
  const rows = Math.max(0, ...wells.map((well) => well.row));
  const columns = Math.max(0, ...wells.map((well) => well.column));
  return PLATES.find(([r, c]) => r >= rows && c >= columns) ?? [rows, columns];
}

/** "A" for 1, "AA" for 27. */
export function rowLetters(row: number): string {
  const last = String.fromCharCode(65 + ((row - 1) % 26));
  return row <= 26 ? last : String.fromCharCode(64 + Math.floor((row - 1) / 26)) + last;
}

/** Colour at a share 0..1 of the scale, as "rgb(...)", and whether dark or light ink is read on it. */
export function plateColour(share: number): { colour: string; ink: "dark" | "light" } {
  const at = Math.min(1, Math.max(0, share)) * (CIVIDIS.length - 1);
  const low = Math.min(Math.floor(at), CIVIDIS.length - 2);
  const rgb = [0, 1, 2].map((k) => {
    const [from, to] = [CIVIDIS[low]?.[k] ?? 0, CIVIDIS[low + 1]?.[k] ?? 0];
    return Math.round(from + (at - low) * (to - from));
  });
  const linear = rgb.map((c) => (c > 10 ? ((c / 255 + 0.055) / 1.055) ** 2.4 : c / 3294.6));
  const light = 0.2126 * (linear[0] ?? 0) + 0.7152 * (linear[1] ?? 0) + 0.0722 * (linear[2] ?? 0);
  return { colour: `rgb(${rgb.join(" ")})`, ink: light > 0.179 ? "dark" : "light" };
}

/** The measure of a name; that of "viability_t0" is viability as a ratio. */
export function measureOf(body: AssayBody, name: string): AssayMeasure {
  const known = body.measures.find((one) => one.name === name);
  if (known) return known;
  const base = name.endsWith("_t0") ? body.measures.find((one) => one.name === name.slice(0, -3)) : undefined;
  return base ? { name, title: `${base.title} relative to the first time`, unit: "" } : { name, title: name.replaceAll("_", " "), unit: "" };
}

/** "87.3 %" of a share of 0.873; other values with their unit. */
export function valueText(value: number | null | undefined, unit: string): string {
  if (value === null || value === undefined) return "–";
  if (unit === "%") return `${(100 * value).toFixed(1)} %`;
  return unit ? `${shortNumber(value, 3)} ${unit}` : shortNumber(value, 3);
}

/** With its interval, as "87.3 % (80.1 to 92.0)". */
export function intervalText(value: number | null | undefined, low: number | null | undefined, high: number | null | undefined, unit: string): string {
  const text = valueText(value, unit);
  if (value === null || value === undefined || ((low ?? null) === null && (high ?? null) === null)) return text;
  const end = (one: number): string => valueText(one, unit).slice(0, unit ? -unit.length - 1 : undefined);
  if ((low ?? null) === null) return `${text} (at most ${end(high as number)})`;
  if ((high ?? null) === null) return `${text} (at least ${end(low as number)})`;
  return `${text} (${end(low as number)} to ${end(high as number)})`;
}

/** What fits into a well: whole percent, three digits of anything else. */
export function cellText(value: number | null, unit: string): string {
  if (value === null) return "–";
  return unit === "%" ? (100 * value).toFixed(0) : Math.abs(value) < 1000 ? String(Number(value.toPrecision(3))) : value.toFixed(0);
}

export function timeText(time: number, unit: string): string {
  return unit === "frame" ? `frame ${time}` : `${Number(time.toPrecision(4))} ${unit}`;
}

export interface WellValue {
  value: number | null;
  low: number | null;
  high: number | null;
  n: number;
}

export interface PlateLayer {
  measure: AssayMeasure;
  /** Ends of the scale of colours, over all times. */
  low: number;
  high: number;
  times: number[];
  at: (well: string, time: number) => WellValue | null;
}

/** All plates in the order in which they come. */
export function platesOf(body: AssayBody): string[] {
  return [...new Set(body.wells.filter((well) => well.row > 0).map((well) => well.plate))];
}

/** A measure in all wells of a plate; null where none has a value. The ends are those of the report. */
export function plateLayer(body: AssayBody, plate: string, measure: AssayMeasure): PlateLayer | null {
  const curves = new Map<string, AssayCurve>();
  for (const curve of body.curves) {
    if (curve.level === "well" && curve.plate === plate && curve.measure === measure.name) curves.set(curve.name, curve);
  }
  const all = [...curves.values()];
  const known = all.flatMap((curve) => curve.value.filter((value) => value !== null));
  if (known.length === 0) return null;
  let low = Math.min(0, ...known);
  let high = Math.max(...known);
  if (measure.unit === "%") [low, high] = [0, Math.max(1, high)];
  else if (measure.name.endsWith("_t0") && Math.min(...known) > 0.5 * high) low = Math.min(...known);
  return {
    measure, low, high: high > low ? high : low + 1,
    times: [...new Set(all.flatMap((curve) => curve.time))].sort((a, b) => a - b),
    at: (well, time) => {
      const curve = curves.get(well);
      const index = curve ? curve.time.indexOf(time) : -1;
      if (!curve || index < 0) return null;
      return { value: curve.value[index] ?? null, low: curve.low[index] ?? null, high: curve.high[index] ?? null, n: curve.n[index] ?? 0 };
    },
  };
}
