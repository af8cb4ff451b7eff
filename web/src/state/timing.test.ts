import { beforeEach, expect, test } from "vitest";
import { begin, end, forget, mark } from "./timing";

const found = (name: string): number[] => performance.getEntriesByName(name).map((entry) => entry.duration);

beforeEach(() => performance.clearMeasures());

test("only what has begun ends, and only once", () => {
  end("granum:stroke", "a");
  expect(found("granum:stroke")).toEqual([]);
  begin("granum:stroke", "a");
  end("granum:stroke", "a");
  end("granum:stroke", "a");
  expect(found("granum:stroke")).toHaveLength(1);
  expect(found("granum:stroke")[0]).toBeGreaterThanOrEqual(0);
});

test("what was overtaken is forgotten, other names are not", () => {
  for (const key of [1, 2, 3]) begin("granum:preview", key);
  begin("granum:exact", 1);
  forget("granum:preview", 3);
  for (const key of [1, 2, 3]) end("granum:preview", key);
  end("granum:exact", 1);
  expect(found("granum:preview")).toHaveLength(1);
  expect(found("granum:exact")).toHaveLength(1);
});

test("a page that stays open for days keeps some hundred entries", () => {
  for (let i = 0; i < 1000; i++) {
    begin("granum:stroke", i);
    end("granum:stroke", i);
  }
  expect(found("granum:stroke").length).toBeLessThanOrEqual(400);
});

test("of a mark only the newest is kept", () => {
  mark("granum:settled");
  mark("granum:settled");
  expect(performance.getEntriesByName("granum:settled")).toHaveLength(1);
});
