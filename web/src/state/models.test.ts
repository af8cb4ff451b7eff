import { beforeEach, expect, test } from "vitest";
import { installFake, learnState, model, recipe, setting, step } from "../../test/fake_server";
import type { SettingInfo, StepInfo } from "../api/types";
import { learn, lookModel } from "./learn";
import { applyModel, applyRequest, askToDeleteModel, bringModel, freeName, goodName, keepModel, learnedStep, nameOfFile, projectChoices } from "./models";
import { question, tab, toasts } from "./page";
import { recipes } from "./recipe";

let fake: ReturnType<typeof installFake>;
const learned: StepInfo = step("learned", [setting({ name: "model", kind: "text", value: "" }), setting({ name: "objects", kind: "text", value: "" })]);

beforeEach(() => {
  fake = installFake();
  recipes.value = [recipe(), recipe({ name: "scribbles", steps: [step("crop", []), learned] })];
  learn.value = learnState();
  toasts.value = [];
  tab.value = "paint";
});

test("names are those that the server takes, and free ones are found", () => {
  expect([goodName("γ phase 2"), goodName(""), goodName("../x"), goodName("a".repeat(65))]).toEqual([true, false, false, false]);
  expect(freeName([])).toBe("my model");
  expect(freeName(["My model", "my model 2"])).toBe("my model 3");
  expect([nameOfFile("phases.v2.granum"), nameOfFile("..granum"), nameOfFile("γ.granum")]).toEqual(["phases-v2", "model", "γ"]);
});

test("a run with a model names its file and the class in the settings of the step", () => {
  expect(learnedStep()?.key).toBe("learned");
  expect(applyRequest(model({ path: "/p/x" }), "object", null)).toEqual({
    recipe: "scribbles", settings: { "learned.model": "/p/x", "learned.objects": "object" }, images: null, title: "phases: object",
  });
  expect(applyRequest(model(), "none", ["a"])).toMatchObject({ settings: { "learned.model": model().path, "learned.objects": "none" }, title: "phases" });
  recipes.value = [recipe()];
  expect(applyRequest(model(), "object", null)).toBeNull();
});

test("settings that name a model or a class of it offer those of the project", () => {
  learn.value = learnState({ models: [model({ path: "/p/x" }), model({ name: "bad", problem: "cut" })] });
  const [which, objects] = learned.settings as [SettingInfo, SettingInfo];
  expect(projectChoices(learned, which, {})?.map((one) => one.value)).toEqual(["", "/p/x"]);
  expect(projectChoices(learned, objects, {})).toBeNull();
  expect(projectChoices(learned, objects, { "learned.model": "/p/x" })?.map((one) => one.value)).toEqual(["", "object", "background", "none"]);
  expect(projectChoices(step("threshold", []), which, {})).toBeNull();
});

test("applying starts a run and shows the runs", async () => {
  fake.fail(/jobs/, 500, "no room");
  await applyModel(model(), "object", null);
  expect([tab.value, toasts.value[0]?.text]).toEqual(["paint", "No room"]);
  expect(fake.calls.at(-1)).toMatchObject({ method: "POST", path: "/jobs", body: { recipe: "scribbles", title: "phases: object" } });
});

test("a model is kept under a good name only, and what the server refuses is told", async () => {
  expect(await keepModel("a/b", "live")).toBe(false);
  expect(fake.calls).toEqual([]);
  expect(await keepModel("phases", "search")).toBe(true);
  expect(fake.calls[0]).toMatchObject({ method: "POST", path: "/learn/models", body: { name: "phases", model: "search" } });
  expect(fake.calls[1]?.path).toBe("/learn");
  fake.fail(/models/, 409, "the name is taken");
  expect(await keepModel("phases", "live")).toBe(false);
  expect(toasts.value.at(-1)?.text).toBe("The name is taken");
});

test("a file is sent as it is, under a name that is free", async () => {
  learn.value = learnState({ models: [model()] });
  const file = new File(["{}"], "phases.granum");
  await bringModel(file);
  expect(fake.calls[0]).toMatchObject({ method: "PUT", path: "/learn/models?name=phases%202", body: file });
});

test("a model is deleted after a question, and is looked at no more", async () => {
  lookModel.value = "model:phases";
  askToDeleteModel(model());
  expect(fake.calls).toEqual([]);
  question.value?.run();
  for (let at = 0; at < 100 && lookModel.value !== "live"; at++) await new Promise((resolve) => setTimeout(resolve, 2));
  expect(fake.calls[0]).toMatchObject({ method: "DELETE", path: "/learn/models/phases" });
  expect(lookModel.value).toBe("live");
});
