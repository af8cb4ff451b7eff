import { expect, test } from "vitest";
import { image, planInfo, recipe } from "../../test/fake_server";
import type { RoleInfo } from "../api/types";
import { fieldsText, mapGrids, patternsOf, roleChannels, rolePatterns, stainChoices, usesFiles, wellName, wordPatterns } from "./channel_files";
import { channelMap } from "./recipe";

const role = (name: string, names: string[], optional = false): RoleInfo => ({ name, names, optional, about: "" });
const live = role("live", ["Hoechst", "Hoechst 33342"]);
const info = recipe({ name: "live-dead", assay: "live-dead", channels: ["brightfield", "live", "dead"], roles: [role("brightfield", ["BF"], true), live, role("dead", ["Draq7", "EthD-1"])] });

test("patterns go from names of stains to rows of roles and back, whatever signs and capitals the names have", () => {
  const patterns = { "hoechst-33342": "*_h.tif", ethd1: "*_e.tif" };
  const rows = rolePatterns(info, patterns);
  expect(rows).toEqual({ brightfield: { stain: "brightfield", pattern: "" }, live: { stain: "hoechst-33342", pattern: "*_h.tif" }, dead: { stain: "ethd1", pattern: "*_e.tif" } });
  expect(wordPatterns(rows)).toEqual(patterns);
  expect(wordPatterns({ ...rows, live: { stain: "live", pattern: " " } })).toEqual({ ethd1: "*_e.tif" });
});

test("a stain stands once among the choices, as it is written", () => {
  expect(stainChoices(live, "HOECHST").map((one) => one.value)).toEqual(["live", "HOECHST", "Hoechst 33342"]);
  expect(stainChoices(live, "live").map((one) => one.value)).toEqual(["live", "Hoechst", "Hoechst 33342"]);
});

test("files are put together when their names say so, or when the person says so, never for a recipe without roles", () => {
  const guessed = planInfo({ patterns: { live: "*_w1.tif", dead: "*_w2.tif" } });
  expect(usesFiles(info, "auto", guessed)).toBe(true);
  expect(usesFiles(info, "auto", planInfo())).toBe(false);
  expect(usesFiles(info, "files", null)).toBe(true);
  expect(usesFiles(info, "inside", guessed)).toBe(false);
  expect(usesFiles(recipe(), "files", guessed)).toBe(false);
  expect(patternsOf(info, "auto", null, guessed)).toEqual(guessed.patterns);
  expect(patternsOf(info, "auto", { live: { stain: "DAPI", pattern: "*_d.tif" } }, guessed)).toEqual({ DAPI: "*_d.tif" });
  expect(patternsOf(info, "inside", null, guessed)).toEqual({});
});

test("roles that were not chosen are left to the server; a choice that this image has not is dropped", () => {
  const channel = image().channels[0]!;
  const two = image({ channels: [{ ...channel, name: "Draq7" }, { ...channel, index: 1, name: "Hoechst" }] });
  expect(channelMap(info, two, {})).toEqual({});
  expect(channelMap(info, two, { live: 1, dead: 5, brightfield: null, image: 0 })).toEqual({ live: 1, brightfield: null });
  expect(roleChannels(info, 2, { live: null })).toEqual({});
});

test("what the files make is told in one line", () => {
  expect(fieldsText(planInfo())).toBe("6 fields from 18 files");
  expect(fieldsText(planInfo({ n_fields: 1, n_files: 4, n_lacking: 1, n_left_over: 1 }))).toBe("1 field from 4 files · 1 field without all channels · 1 file left over");
});

test("a map is drawn as small as its wells allow, plates apart, rows beyond Z too", () => {
  const well = (name: string, condition: string, plate = "") => ({ plate, well: name, condition, dose: name === "B02" ? 0.5 : null, control: "" });
  const [grid, other] = mapGrids({ wells: [well("B02", "drug"), well("D03", ""), well("AA12", "x", "p2")], dose_unit: "µM", notes: [] });
  expect([grid?.rows, grid?.columns]).toEqual([["B", "C", "D"], [2, 3]]);
  expect(grid?.at.get(wellName("B", 2))?.text).toBe("drug, 0.5 µM");
  expect(grid?.at.get(wellName("C", 2))).toBeUndefined();
  expect([other?.plate, other?.rows, other?.columns]).toEqual(["p2", ["AA"], [12]]);
});
