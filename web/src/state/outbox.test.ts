// @vitest-environment node
import { expect, test } from "vitest";
import { ApiError } from "../api/client";
import { Outbox, type Parcel } from "./outbox";

interface Log { waiting: number; late: boolean }

function make(patience = 0) {
  const states: Log[] = [];
  const box = new Outbox<number>({ state: (waiting, late) => void states.push({ waiting, late }) }, patience);
  return { box, states };
}

function parcel(id: string, answers: (number | Error)[], log: string[]): Parcel<number> {
  return {
    id,
    send: () => {
      log.push(`send ${id}`);
      const next = answers.shift() as number | Error;
      return typeof next === "number" ? Promise.resolve(next) : Promise.reject(next);
    },
    done: (ack) => void log.push(`done ${id} ${ack}`),
    refused: () => void log.push(`refused ${id}`),
  };
}

async function until(test: () => boolean): Promise<void> {
  for (let at = 0; at < 400 && !test(); at++) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(test()).toBe(true);
}

test("strokes go out in order, the next when the last is answered", async () => {
  const log: string[] = [];
  const { box } = make();
  box.add(parcel("a", [1], log));
  box.add(parcel("b", [2], log));
  await until(() => box.waiting === 0);
  expect(log).toEqual(["send a", "done a 1", "send b", "done b 2"]);
});

test("a stroke without an answer is sent again under the same id and told about, the next one waits", async () => {
  const log: string[] = [];
  const { box, states } = make(0);
  box.add(parcel("a", [new ApiError(0, "no_answer", "gone"), new ApiError(503, "busy", "busy"), 5], log));
  box.add(parcel("b", [6], log));
  await until(() => log.length === 1);
  expect(states.at(-1)).toEqual({ waiting: 2, late: true });
  box.retry();
  await until(() => log.length === 2);
  box.retry();
  await until(() => box.waiting === 0);
  expect(log).toEqual(["send a", "send a", "send a", "done a 5", "send b", "done b 6"]);
  expect(states.at(-1)).toEqual({ waiting: 0, late: false });
});

test("a refused stroke is taken out and does not hold up the next", async () => {
  const log: string[] = [];
  const { box } = make();
  box.add(parcel("a", [new ApiError(422, "setting", "outside")], log));
  box.add(parcel("b", [2], log));
  await until(() => box.waiting === 0);
  expect(log).toEqual(["send a", "refused a", "send b", "done b 2"]);
});
