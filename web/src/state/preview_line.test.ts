// @vitest-environment node
import { expect, test } from "vitest";
import { answered, ask, broken, counts, emptyLine, type Line } from "./preview_line";

test("while one request is on its way only the newest of the others is kept", () => {
  let step = ask(emptyLine<string>(), "a", false);
  expect(step.send).toBe("a");
  step = ask(step.line, "b", false);
  expect(step.send).toBeNull();
  step = ask(step.line, "c", false);
  step = answered(step.line, 1);
  expect(step.send).toBe("c");
  expect(step.line.sent).toBe(2);
  expect(answered(step.line, 2).send).toBeNull();
});

test("a final request goes out at once and what waited is forgotten", () => {
  let step = ask(emptyLine<string>(), "a", false);
  step = ask(step.line, "coarse", false);
  step = ask(step.line, "exact", true);
  expect(step.send).toBe("exact");
  expect(step.line.waiting).toBeNull();
  step = answered(step.line, 1);
  expect(step.send).toBeNull();
  expect(step.line.open).toEqual([2]);
});

test("an answer to a newer request closes the older ones, whose answers never come", () => {
  let line: Line<string> = ask(ask(emptyLine<string>(), "a", true).line, "b", true).line;
  line = answered(line, 2).line;
  expect(line.open).toEqual([]);
});

test("a result counts when it is newer than what is shown and was asked for", () => {
  const line: Line<string> = { sent: 5, open: [5], waiting: null, shown: 3 };
  expect([2, 3, 4, 5, 6].map((request) => counts(line, request))).toEqual([false, false, true, true, false]);
});

test("after a lost connection the next request goes out at once", () => {
  const line = broken(ask(emptyLine<string>(), "a", false).line);
  expect(ask(line, "b", false).send).toBe("b");
});
