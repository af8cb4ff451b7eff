/** Numbers as people read them, and sliders over wide ranges. */
import type { SettingInfo } from "../api/types";

/** Three to four significant digits, thousands kept whole: 0.0123, 15.95, 1,234, 12,300,000. */
export function shortNumber(value: number | null | undefined, digits = 4): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e9 || size < 1e-4) return value.toExponential(Math.max(0, digits - 2)).replace("e+", "e");
  if (size >= 10 ** (digits - 1)) return Math.round(value).toLocaleString("en");
  return Number(value.toPrecision(digits)).toLocaleString("en", { maximumFractionDigits: 20 });
}

/** A sentence of the server begins with a capital here, unless it begins with the name of a file. */
export function sentence(text: string): string {
  return /^[^:]*\.\w{2,5}([\s,][^:]*)?:/.test(text) ? text : text.charAt(0).toUpperCase() + text.slice(1);
}

export function count(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
}

const UNITS: Record<string, string> = { um: "µm", um2: "µm²", nm2: "nm²", mm2: "mm²", px2: "px", per_um2: "/µm²", per_mpx: "/Mpx" };

export function unitText(unit: string): string {
  return UNITS[unit] ?? unit.replace("^2", "²");
}

export function bytesText(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const power = Math.min(4, Math.floor(Math.log10(bytes) / 3));
  return `${shortNumber(bytes / 1000 ** power, 3)} ${["B", "kB", "MB", "GB", "TB"][power]}`;
}

export function durationText(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

/** Time of the server (UTC) as the clock of this place shows it. */
export function timeText(iso: string): string {
  const time = new Date(iso);
  if (Number.isNaN(time.getTime())) return iso;
  return time.toLocaleString("en-GB", { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });
}

export interface Scale {
  low: number;
  high: number;
  /** Smallest difference that matters: 1 for integers. */
  grain: number;
  logarithmic: boolean;
  integer: boolean;
}

export const POSITIONS = 1000;

/** Range of the slider of a setting; a missing end is put far enough from the default. The field beside it goes further. */
export function sliderScale(setting: Pick<SettingInfo, "kind" | "low" | "high" | "default" | "value">): Scale {
  const integer = setting.kind === "integer";
  const start = Math.max(...[setting.default, setting.value].map((value) => (typeof value === "number" ? Math.abs(value) : 0)));
  const low = setting.low ?? Math.min(0, -10 * start);
  const high = setting.high ?? Math.max(low + 1, 20 * start, integer ? 100 : 10);
  const span = high - low;
  const grain = integer ? 1 : span > 20 ? 0.1 : span / 500;
  return { low, high, grain, integer, logarithmic: span / grain > 450 && span > 20 };
}

/** Value at a position 0..POSITIONS: even steps, or steps that grow with the distance from the low end. */
export function valueAt(scale: Scale, position: number): number {
  const share = position / POSITIONS;
  const span = scale.high - scale.low;
  const bend = Math.log1p(span / scale.grain);
  const raw = scale.low + (scale.logarithmic ? scale.grain * Math.expm1(share * bend) : share * span);
  return tidy(scale, Math.min(scale.high, Math.max(scale.low, raw)));
}

export function positionOf(scale: Scale, value: number): number {
  const span = scale.high - scale.low;
  if (span <= 0) return 0;
  const inside = Math.min(scale.high, Math.max(scale.low, value)) - scale.low;
  const bend = Math.log1p(span / scale.grain);
  return Math.round(POSITIONS * (scale.logarithmic ? Math.log1p(inside / scale.grain) / bend : inside / span));
}

function tidy(scale: Scale, value: number): number {
  if (scale.integer) return Math.round(value);
  if (scale.logarithmic) return Number(value.toPrecision(3));
  const digits = Math.max(0, 2 - Math.floor(Math.log10(scale.high - scale.low)));
  return Number(value.toFixed(digits));
}
