/** Tables of objects without a page: look-ups, filters, sorting, bins. 70,000 rows in a few milliseconds. */
import type { ColumnInfo, ObjectTableBody } from "../api/types";

export interface Table {
  version: number;
  n: number;
  columns: ColumnInfo[];
  byName: Map<string, ColumnInfo>;
  labels: number[];
  /** Label -> row. */
  rowOf: Map<number, number>;
  summary: Record<string, number | null>;
}

export interface RangeFilter {
  column: string;
  low: number;
  /** Half open when `closed` is false, as bins are. */
  high: number;
  closed: boolean;
}

export interface Filters {
  ranges: RangeFilter[];
  /** Flag -> whether rows must have it or must not. */
  flags: Record<string, "with" | "without">;
  /** Column of words -> the word that rows must have. */
  words: Record<string, string>;
  /** Labels inside a lasso. */
  chosen: ReadonlySet<number> | null;
}

/** Columns that are names and places rather than quantities. */
const NO_QUANTITY = ["file", "frame", "label", "flags", "y", "x"];

export const NO_FILTERS: Filters = { ranges: [], flags: {}, words: {}, chosen: null };

export interface Sort {
  column: string;
  direction: 1 | -1;
}

export function makeTable(body: ObjectTableBody): Table {
  const byName = new Map(body.columns.map((column) => [column.name, column]));
  const labels = (byName.get("label")?.values ?? []) as number[];
  return {
    version: body.version,
    n: body.n_objects,
    columns: body.columns,
    byName,
    labels,
    rowOf: new Map(labels.map((label, row) => [label, row])),
    summary: body.summary,
  };
}

export function numberAt(column: ColumnInfo | undefined, row: number): number {
  const value = column?.values[row];
  return typeof value === "number" ? value : Number.NaN;
}

export function flagsAt(table: Table, row: number): string[] {
  const value = table.byName.get("flags")?.values[row];
  return typeof value === "string" && value !== "" ? value.split("|") : [];
}

export function hasFlag(table: Table, row: number, flag: string): boolean {
  const value = table.byName.get("flags")?.values[row];
  return typeof value === "string" && (value === flag || (value.includes(flag) && value.split("|").includes(flag)));
}

/** Flags that occur, with how often. */
export function flagCounts(table: Table): Map<string, number> {
  const counts = new Map<string, number>();
  for (let row = 0; row < table.n; row++) {
    for (const flag of flagsAt(table, row)) counts.set(flag, (counts.get(flag) ?? 0) + 1);
  }
  return counts;
}

/** Columns of words other than flags, such as the state of a nucleus, with how often each word occurs. */
export function wordCounts(table: Table): Map<string, Map<string, number>> {
  const found = new Map<string, Map<string, number>>();
  for (const column of table.columns) {
    if (!isWords(column)) continue;
    const counts = new Map<string, number>();
    for (const value of column.values) if (typeof value === "string" && value !== "") counts.set(value, (counts.get(value) ?? 0) + 1);
    found.set(column.name, new Map([...counts].sort(([a], [b]) => (a < b ? -1 : 1))));
  }
  return found;
}

/** Whether a column holds words that are few enough to be chosen among. */
function isWords(column: ColumnInfo): boolean {
  return !NO_QUANTITY.includes(column.name) && column.values.some((value) => typeof value === "string") && new Set(column.values).size <= 12;
}

export function isFiltered(filters: Filters): boolean {
  return filters.ranges.length > 0 || Object.keys(filters.flags).length > 0 || Object.keys(filters.words).length > 0 || filters.chosen !== null;
}

export function filterRows(table: Table, filters: Filters): number[] {
  const ranges = filters.ranges.map((range) => ({ ...range, values: table.byName.get(range.column) }));
  const flags = Object.entries(filters.flags);
  const words = Object.entries(filters.words).map(([name, word]) => ({ word, values: table.byName.get(name)?.values }));
  const rows: number[] = [];
  for (let row = 0; row < table.n; row++) {
    if (!words.every(({ word, values }) => values?.[row] === word)) continue;
    if (filters.chosen && !filters.chosen.has(table.labels[row] ?? 0)) continue;
    if (!ranges.every(({ values, low, high, closed }) => inside(numberAt(values, row), low, high, closed))) continue;
    if (flags.length > 0) {
      if (!flags.every(([flag, rule]) => hasFlag(table, row, flag) === (rule === "with"))) continue;
    }
    rows.push(row);
  }
  return rows;
}

function inside(value: number, low: number, high: number, closed: boolean): boolean {
  return value >= low && (closed ? value <= high : value < high);
}

/** Rows in the order of a column; ties and missing values keep the order of the table, missing values last. */
export function sortRows(table: Table, rows: number[], sort: Sort): number[] {
  const column = table.byName.get(sort.column);
  if (!column) return rows;
  if (column.values.some((value) => typeof value === "string")) {
    const text = (row: number): string => String(column.values[row] ?? "");
    return [...rows].sort((a, b) => sort.direction * (text(a) < text(b) ? -1 : text(a) > text(b) ? 1 : 0) || a - b);
  }
  const values = Float64Array.from({ length: table.n }, (_, row) => numberAt(column, row));
  return [...rows].sort((a, b) => {
    const left = values[a] as number;
    const right = values[b] as number;
    if (Number.isNaN(left) || Number.isNaN(right)) return Number(Number.isNaN(left)) - Number(Number.isNaN(right)) || a - b;
    return sort.direction * (left - right) || a - b;
  });
}

export interface Bin {
  low: number;
  high: number;
  /** Rows of the bin, those that touch the border apart: their size is a lower bound. */
  rows: number[];
  nBorder: number;
  last: boolean;
}

/** Round edges and at most about `most` bins over the values of a column; the last bin holds its upper edge. */
export function makeBins(table: Table, name: string, rows: number[], most = 28): Bin[] {
  const column = table.byName.get(name);
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let row = 0; row < table.n; row++) {
    const value = numberAt(column, row);
    if (Number.isNaN(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) return [];
  const width = niceWidth((high - low) / Math.min(most, Math.max(4, Math.ceil(2 * Math.cbrt(table.n) + 2))));
  const first = Math.floor(low / width + 1e-9);
  const n = Math.max(1, Math.floor(high / width + 1e-9) - first + 1);
  const edge = (at: number): number => Number(((first + at) * width).toPrecision(10));
  const bins: Bin[] = Array.from({ length: n }, (_, at) => ({
    low: edge(at), high: edge(at + 1), rows: [], nBorder: 0, last: at === n - 1,
  }));
  for (const row of rows) {
    const value = numberAt(column, row);
    if (Number.isNaN(value)) continue;
    let at = Math.min(n - 1, Math.max(0, Math.floor(value / width + 1e-9) - first));
    // the edges as shown decide, not the rounding of the division
    while (at > 0 && value < (bins[at] as Bin).low) at--;
    while (at < n - 1 && value >= (bins[at] as Bin).high) at++;
    const bin = bins[at] as Bin;
    bin.rows.push(row);
    if (hasFlag(table, row, "touches_border")) bin.nBorder++;
  }
  return bins;
}

function niceWidth(width: number): number {
  if (!(width > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(width));
  const rest = width / power;
  return power * (rest <= 1 ? 1 : rest <= 2 ? 2 : rest <= 5 ? 5 : 10);
}

/** Whether a point lies in a polygon (even-odd rule). */
export function insidePolygon(y: number, x: number, polygon: readonly (readonly [number, number])[]): boolean {
  let odd = false;
  for (let at = 0, before = polygon.length - 1; at < polygon.length; before = at++) {
    const [ay, ax] = polygon[at] as [number, number];
    const [by, bx] = polygon[before] as [number, number];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) odd = !odd;
  }
  return odd;
}

/** Labels of all objects whose centroid lies in a polygon. */
export function labelsInside(table: Table, polygon: readonly (readonly [number, number])[]): Set<number> {
  const [ys, xs] = [table.byName.get("y"), table.byName.get("x")];
  const found = new Set<number>();
  for (let row = 0; row < table.n; row++) {
    if (insidePolygon(numberAt(ys, row), numberAt(xs, row), polygon)) found.add(table.labels[row] as number);
  }
  return found;
}

/** Rows with a doubtful separation, the most doubtful first. */
export function doubtfulRows(table: Table): number[] {
  const column = table.byName.get("confidence");
  const rows: number[] = [];
  for (let row = 0; row < table.n; row++) if (hasFlag(table, row, "low_confidence")) rows.push(row);
  return rows.sort((a, b) => numberAt(column, a) - numberAt(column, b) || a - b);
}

const UNIT = /_(px|nm|um|mm)(2?)$/;

/** A column's quantity and unit apart: "area_nm2" -> "area", "nm²". */
export function titleOf(column: Pick<ColumnInfo, "name">): { title: string; unit: string } {
  const match = UNIT.exec(column.name);
  const bare = (match ? column.name.slice(0, match.index) : column.name).replaceAll("_", " ");
  const titles: Record<string, string> = { ecd: "diameter", label: "no." };
  const unit = match ? { px: "px", nm: "nm", um: "µm", mm: "mm" }[match[1] as "px"] + (match[2] ? "²" : "") : "";
  return { title: titles[bare] ?? bare, unit: bare === "y" || bare === "x" ? "px" : unit };
}

const FIRST = ["label", "state", "p_dead", "ecd", "area", "feret_max", "circularity", "confidence", "flags"];

/** Columns to show at first: a few quantities, each once, in a physical unit when there is one. */
export function firstColumns(table: Table): string[] {
  return FIRST.flatMap((bare) => {
    const names = table.columns.map((column) => column.name).filter((name) => name === bare || name.replace(UNIT, "") === bare);
    return names.length > 0 ? [names.find((name) => !name.endsWith("_px")) ?? (names[0] as string)] : [];
  });
}

/** Columns of numbers that a distribution makes sense of, in a physical unit when there is one. */
export function sizeColumns(table: Table): string[] {
  const names = table.columns
    .filter((column) => !NO_QUANTITY.includes(column.name) && !column.values.some((value) => typeof value === "string"))
    .map((column) => column.name);
  return names.filter((name) => !name.endsWith("_px") || !names.some((other) => other !== name && other.replace(UNIT, "") === name.replace(UNIT, "")));
}
