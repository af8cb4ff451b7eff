import { expect, test } from "vitest";
import { image, recipe, setting, step } from "../../test/fake_server";
import { layersOf } from "../panels/step_card";
import { channelMap, chosenFor, keptSettings, settingValue, withSetting } from "./recipe";

const smoothing = setting();
const splitter = setting({ name: "splitter", kind: "choice", choices: ["auto", "none"], value: "auto", default: "auto" });
const first = step("automatic", [smoothing], { writes: ["mask", "choice"] });
const second = step("choose", [splitter], { writes: ["labels", "choice"] });
const info = recipe({ steps: [first, second] });

test("a setting put back to the recipe's own value is no change", () => {
  const changed = withSetting({}, first, smoothing, 3);
  expect(changed).toEqual({ "automatic.smoothing": 3 });
  expect(settingValue(changed, first, smoothing)).toBe(3);
  expect(withSetting(changed, first, smoothing, 1)).toEqual({});
  expect(settingValue({ "automatic.smoothing": null }, first, smoothing)).toBeNull();
});

test("another recipe keeps the changes that it knows and that differ from its own", () => {
  const settings = { "automatic.smoothing": 3, "choose.splitter": "none", "old.k": 2 };
  expect(keptSettings(settings, recipe({ steps: [first] }))).toEqual({ "automatic.smoothing": 3 });
  expect(keptSettings({ "automatic.smoothing": 1 }, info)).toEqual({});
});

test("what was chosen is found with its own step, with the unit in its name or not", () => {
  const choices = [
    { about: "segmentation", chosen: { smoothing_px: 0.7, splitter: "wrong" }, reason: "", candidates: [] },
    { about: "separation", chosen: { splitter: "shape" }, reason: "", candidates: [] },
  ];
  expect(chosenFor(info, first, smoothing, choices)).toBe(0.7);
  expect(chosenFor(info, second, splitter, choices)).toBe("shape");
  expect(chosenFor(info, first, setting({ name: "window" }), choices)).toBeUndefined();
});

test("channels go by choice, then by name, then the first; a single channel needs none", () => {
  const channel = image().channels[0]!;
  const several = image({ channels: [{ ...channel, name: "GFP" }, { ...channel, index: 1, name: "Hoechst" }] });
  const two = recipe({ channels: ["hoechst"] });
  expect(channelMap(two, several, {})).toEqual({ image: 0, hoechst: 1 });
  expect(channelMap(two, several, { image: 1, hoechst: 9 })).toEqual({ image: 1, hoechst: 1 });
  expect(channelMap(two, image(), {})).toEqual({});
});

test("a layer is offered once, where it is as it is at the end; what no step writes stands where objects are separated", () => {
  const make = (key: string, writes: string[]) => ({ key, do: key, title: key, summary: "", reads: [], writes, settings: [] });
  const steps = [make("segment.automatic", ["mask"]), make("separate.choose", ["labels"]), make("separate.object_levels", ["labels"])];
  const info = { name: "r", summary: "", channels: [], roles: [], assay: "" as const, reads_image: true, full_size_only: false, steps, toml: "" };
  const known = ["image", "channel.dapi", "mask", "labels", "distance", "peaks"];
  expect(steps.map((step) => layersOf(info, step, known))).toEqual([["mask"], ["distance", "peaks"], ["labels"]]);
});
