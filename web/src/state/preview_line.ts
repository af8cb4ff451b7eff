/**
 * Which preview is asked for when, and which answers count. While a slider moves, one request is on its way and only the
 * newest of the others is kept; a final one goes out at once. No signals and no clock of its own, so it can be tested.
 */

export interface Line<Ask> {
  /** Number of the newest request that was sent. */
  sent: number;
  /** Requests that have no answer yet. */
  open: number[];
  /** Newest request that is not sent yet. */
  waiting: Ask | null;
  /** Newest request whose result is shown. */
  shown: number;
}

export const emptyLine = <Ask>(): Line<Ask> => ({ sent: 0, open: [], waiting: null, shown: 0 });

export interface Step<Ask> {
  line: Line<Ask>;
  /** To be sent now under the number `line.sent`. */
  send: Ask | null;
}

function send<Ask>(line: Line<Ask>, ask: Ask): Step<Ask> {
  const sent = line.sent + 1;
  return { line: { ...line, sent, open: [...line.open, sent], waiting: null }, send: ask };
}

/** A new request; `final` ones do not wait for an answer. */
export function ask<Ask>(line: Line<Ask>, request: Ask, final: boolean): Step<Ask> {
  if (final || line.open.length === 0) return send(line, request);
  return { line: { ...line, waiting: request }, send: null };
}

/** An answer (a result or an error) has come: what waited goes out. Answers to older requests will not come any more. */
export function answered<Ask>(line: Line<Ask>, request: number): Step<Ask> {
  const next = { ...line, open: line.open.filter((one) => one > request) };
  return next.waiting !== null && next.open.length === 0 ? send(next, next.waiting) : { line: next, send: null };
}

/** Whether a result is to be shown: it was asked for, and nothing newer is on screen. */
export function counts<Ask>(line: Line<Ask>, request: number): boolean {
  return request <= line.sent && request > line.shown;
}

/** The connection is gone: no answer will come. */
export function broken<Ask>(line: Line<Ask>): Line<Ask> {
  return { ...line, open: [], waiting: null };
}
