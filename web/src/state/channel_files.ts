/** Channels in files of their own, and what else an assay is set up with: signals, and rules without signals. */
import { signal } from "@preact/signals";
import type { PlanInfo, RecipeInfo, RoleInfo } from "../api/types";

/** Where the channels of a field are: "auto" goes by the names of the files. */
export type Places = "auto" | "inside" | "files";
export interface RolePattern { stain: string; pattern: string }
/** Role -> its files; a role that is not used has an empty pattern. */
export type RolePatterns = Record<string, RolePattern>;

export const places = signal<Places>("auto");
/** What the person has typed; null leaves it to the names of the files. */
export const typedPatterns = signal<RolePatterns | null>(null);
/** Fields that lack one of their files are left out of a run. */
export const completeOnly = signal(false);
export const namesPattern = signal("");
export const plateMap = signal<{ name: string; text: string } | null>(null);
export const video = signal(false);

/** Signs, blanks and capitals do not count in names of stains, as on the server. */
export const folded = (text: string): string => text.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");

export function isRole(role: RoleInfo, word: string): boolean {
  return [role.name, ...role.names].some((name) => folded(name) === folded(word));
}

/** Patterns by name of the stain, as a request has them, in rows by role. */
export function rolePatterns(info: RecipeInfo, patterns: Record<string, string>): RolePatterns {
  return Object.fromEntries(info.roles.map((role) => {
    const [word, pattern] = Object.entries(patterns).find(([one]) => isRole(role, one)) ?? [role.name, ""];
    return [role.name, { stain: word, pattern }];
  }));
}

/** The rows as a request has them: roles without a pattern are left out. */
export function wordPatterns(rows: RolePatterns): Record<string, string> {
  return Object.fromEntries(Object.values(rows).filter((row) => row.pattern.trim() !== "").map((row) => [row.stain, row.pattern.trim()]));
}

/** Names to choose a stain from: "" is that nobody says; the one in use stands there as it is written. */
export function stainChoices(role: RoleInfo, word: string): { value: string; text: string }[] {
  const named = role.names.filter((name) => folded(name) !== folded(word));
  const own = folded(word) === folded(role.name) ? [] : [{ value: word, text: word }];
  return [{ value: role.name, text: "not named" }, ...own, ...named.map((name) => ({ value: name, text: name }))];
}

/** Whether fields are put together from files: as chosen, else when their names tell the channels. */
export function usesFiles(info: RecipeInfo | null, where: Places, plan: PlanInfo | null): boolean {
  if (!info || info.roles.length === 0) return false;
  return where === "files" || (where === "auto" && Object.keys(plan?.patterns ?? {}).length > 0);
}

/** The patterns of a request: those that were typed, else those that the server has guessed. */
export function patternsOf(info: RecipeInfo | null, where: Places, typed: RolePatterns | null, plan: PlanInfo | null): Record<string, string> {
  if (!info || !usesFiles(info, where, plan)) return {};
  return typed ? wordPatterns(typed) : (plan?.patterns ?? {});
}

/** Channels of roles that were chosen for the image on screen; the others are left to the server, which goes by names. */
export function roleChannels(info: RecipeInfo, nChannels: number, choice: Record<string, number | null>): Record<string, number | null> {
  const kept: Record<string, number | null> = {};
  for (const role of info.roles) {
    const index = choice[role.name];
    if (index === null ? role.optional : index !== undefined && index < nChannels) kept[role.name] = index as number | null;
  }
  return kept;
}

const sameCount = (n: number, one: string): string => `${n.toLocaleString("en")} ${one}${n === 1 ? "" : "s"}`;

/** How many fields the files make, in one line. */
export function fieldsText(plan: PlanInfo): string {
  const parts = [`${sameCount(plan.n_fields, "field")} from ${sameCount(plan.n_files, "file")}`];
  if (plan.n_lacking > 0) parts.push(`${sameCount(plan.n_lacking, "field")} without all channels`);
  if (plan.n_left_over > 0) parts.push(`${sameCount(plan.n_left_over, "file")} left over`);
  return parts.join(" · ");
}

/** Rows and columns of the wells of a map: the smallest rectangle that holds them, plate by plate. */
export interface MapGrid { plate: string; rows: string[]; columns: number[]; at: Map<string, { text: string; control: string }> }

export function mapGrids(map: NonNullable<PlanInfo["plate_map"]>): MapGrid[] {
  const grids: MapGrid[] = [];
  for (const plate of [...new Set(map.wells.map((well) => well.plate))]) {
    const wells = map.wells.filter((well) => well.plate === plate);
    const order = (row: string): number => [...row].reduce((sum, letter) => sum * 26 + letter.charCodeAt(0) - 64, 0);
    const numbers = wells.map((well) => order(rowOf(well.well)));
    const columns = wells.map((well) => columnOf(well.well));
    grids.push({
      plate,
      rows: range(Math.min(...numbers), Math.max(...numbers)).map(rowName),
      columns: range(Math.min(...columns), Math.max(...columns)),
      at: new Map(wells.map((well) => [well.well, { text: wellText(well, map.dose_unit), control: well.control }])),
    });
  }
  return grids;
}

const rowOf = (well: string): string => well.replace(/\d+$/, "");
const columnOf = (well: string): number => Number(well.replace(/^\D+/, ""));
const range = (low: number, high: number): number[] => Array.from({ length: high - low + 1 }, (_, at) => low + at);

function rowName(number: number): string {
  return number > 26 ? String.fromCharCode(64 + Math.floor((number - 1) / 26)) + String.fromCharCode(65 + ((number - 1) % 26)) : String.fromCharCode(64 + number);
}

export const wellName = (row: string, column: number): string => `${row}${String(column).padStart(2, "0")}`;

function wellText(well: NonNullable<PlanInfo["plate_map"]>["wells"][number], unit: string): string {
  const dose = well.dose === null ? "" : `${well.dose}${unit ? ` ${unit}` : ""}`;
  return [well.condition, dose].filter(Boolean).join(", ");
}
