import { afterEach, beforeEach, expect, test } from "vitest";
import { image, installFake, planInfo, recipe, settle } from "../../test/fake_server";
import type { PlanRequest, RoleInfo } from "../api/types";
import { completeOnly, namesPattern, places, plateMap, typedPatterns, video } from "./channel_files";
import { currentId, images, imagesKnown } from "./images";
import { tab } from "./page";
import { channelProblem, patterns, planSettled, runProblem, runRequest, takeMap, unconfirmed } from "./plan";
import { changeSettings, preview } from "./preview";
import { channelChoice, openedRecipe, recipeName, recipes } from "./recipe";
import { startSession } from "./session";

const role = (name: string, names: string[], optional = false): RoleInfo => ({ name, names, optional, about: "" });
const liveDead = recipe({ name: "live-dead", assay: "live-dead", channels: ["live", "dead"], roles: [role("live", ["Hoechst"]), role("dead", ["Draq7"])] });
const guessed = planInfo({ patterns: { hoechst: "*_hoechst.tif", draq7: "*_draq7.tif" }, guessed: true });

let fake: ReturnType<typeof installFake>;
let stop = (): void => {};

async function until(test: () => boolean): Promise<void> {
  for (let at = 0; at < 500 && !test(); at++) await settle(2);
  expect(test()).toBe(true);
}

const asked = (): PlanRequest[] => fake.calls.filter((one) => one.path === "/plan").map((one) => one.body as PlanRequest);

function start(): void {
  stop = startSession();
  fake.socket().open();
}

beforeEach(() => {
  sessionStorage.clear();
  fake = installFake();
  fake.state.recipes = [recipe(), liveDead];
  images.value = [];
  imagesKnown.value = false;
  currentId.value = null;
  openedRecipe.value = null;
  recipes.value = [];
  recipeName.value = "live-dead";
  channelChoice.value = {};
  places.value = "auto";
  typedPatterns.value = null;
  completeOnly.value = false;
  namesPattern.value = "";
  plateMap.value = null;
  video.value = false;
  preview.value = null;
  tab.value = "tune";
});

afterEach(() => {
  stop();
  recipeName.value = "particles";
});

test("a preview waits for what the names of the files say, and carries it; a slider asks for no new plan", async () => {
  fake.state.plan = guessed;
  start();
  await until(() => fake.socket().requests.length > 0);
  expect(asked()[0]).toMatchObject({ recipe: "live-dead", guess: true, patterns: {}, image: image().id });
  expect(fake.socket().requests[0]?.patterns).toEqual(guessed.patterns);
  const n = asked().length;
  changeSettings({ "segment.threshold.smoothing": 3 }, true);
  await settle(2);
  expect(asked().length).toBe(n);
});

test("where a needed channel is nowhere, nothing is previewed and the sentence is there", async () => {
  fake.state.plan = planInfo({ channel_problem: "one.tif has 1 channel, none that is called like dead." });
  start();
  await until(() => channelProblem.value !== "");
  await settle(2);
  expect(channelProblem.value).toContain("none that is called like dead");
  expect(fake.socket().requests).toEqual([]);
});

test("a run carries patterns, names, the plate map and films; a plain recipe none of it, and asks for no plan", async () => {
  fake.state.plan = guessed;
  start();
  await until(() => Object.keys(patterns.value).length === 2);
  namesPattern.value = " {well}_* ";
  video.value = true;
  await takeMap("map.csv");
  expect(runRequest(null)).toMatchObject({ patterns: guessed.patterns, channels: {}, names: "{well}_*", plate_map: "well\nB02\n", video: true, complete_only: false });
  typedPatterns.value = { live: { stain: "DAPI", pattern: "*_d.tif" }, dead: { stain: "dead", pattern: "" } };
  expect(runRequest(null).patterns).toEqual({ DAPI: "*_d.tif" });
  await until(() => planSettled.value);
  expect(asked().at(-1)).toMatchObject({ patterns: { DAPI: "*_d.tif" }, guess: false });
  const n = asked().length;
  recipeName.value = "particles";
  await settle(2);
  expect(Object.keys(runRequest(null)).sort()).toEqual(["channels", "images", "recipe", "settings", "title", "toml"]);
  expect(asked().length).toBe(n);
});

test("stains that were told by order alone must be confirmed before a run", async () => {
  fake.state.plan = { ...guessed, by_order: ["live", "dead"] };
  start();
  await until(() => unconfirmed.value.length === 2);
  expect(runProblem.value).toContain("right");
  fake.state.plan = planInfo({ patterns: guessed.patterns });
  typedPatterns.value = { live: { stain: "live", pattern: "*_w1.tif" }, dead: { stain: "dead", pattern: "*_w2.tif" } };
  await until(() => unconfirmed.value.length === 0);
  expect(runProblem.value).toBe("");
});

test("a gap is told with what can be done about it", async () => {
  fake.state.plan = { ...guessed, n_lacking: 1, files_problem: "channel draq7: no file goes with a_hoechst.tif." };
  start();
  await until(() => runProblem.value !== "");
  expect(runProblem.value).toBe("channel draq7: no file goes with a_hoechst.tif; add what is missing, or leave such fields out under Channels.");
});
