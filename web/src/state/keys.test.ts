import { expect, test } from "vitest";
import { actionOf, belongsToField } from "./keys";

const press = (key: string, part: Partial<{ ctrl: boolean; shift: boolean; alt: boolean }> = {}) => ({ key, ctrl: false, shift: false, alt: false, ...part });

test("letters mean what the tab needs", () => {
  expect(actionOf(press("b"), "paint")).toBe("brush");
  expect(actionOf(press("B", { shift: true }), "paint")).toBe("brush");
  expect(actionOf(press("b"), "tune")).toBeNull();
  expect(actionOf(press("f"), "paint")).toBe("fill");
  expect(actionOf(press("f"), "tune")).toBe("fit");
  expect(actionOf(press("n"), "results")).toBe("next_doubtful");
  expect(actionOf(press("7"), "paint")).toBe("class_7");
  expect(actionOf(press("7"), "results")).toBeNull();
});

test("undo and redo are the only ones with Ctrl; the browser keeps the rest", () => {
  expect(actionOf(press("z", { ctrl: true }), "paint")).toBe("undo");
  expect(actionOf(press("Z", { ctrl: true, shift: true }), "paint")).toBe("redo");
  expect(actionOf(press("f", { ctrl: true }), "paint")).toBeNull();
  expect(actionOf(press("ArrowLeft", { alt: true }), "tune")).toBeNull();
});

test("keys typed into fields stay there, sliders keep their arrows only", () => {
  const make = (html: string): Element => {
    document.body.innerHTML = html;
    return document.body.firstElementChild as Element;
  };
  expect(belongsToField(make("<input type='text'>"), "b")).toBe(true);
  expect(belongsToField(make("<input type='range'>"), "b")).toBe(false);
  expect(belongsToField(make("<input type='range'>"), "ArrowLeft")).toBe(true);
  expect(belongsToField(make("<input type='checkbox'>"), " ")).toBe(true);
  expect(belongsToField(make("<button></button>"), " ")).toBe(true);
  expect(belongsToField(make("<button></button>"), "o")).toBe(false);
  expect(belongsToField(make("<div data-own-keys></div>"), "ArrowDown")).toBe(true);
});
