/**
 * How long things took that people wait for, as `performance.measure` entries: `granum:stroke` (from the end of the stroke
 * to the server's pixels on screen), `granum:preview` and `granum:exact` (from the change to the outlines on screen). The
 * mark `granum:settled` says when an image stood on screen. Any browser's performance tab shows them;
 * `benchmarks/speed/app.py` reads them.
 */

const MOST = 400;
const begun = new Map<string, number>();
let kept = 0;

/** When the event happened that is dealt with now. */
export function eventTime(): number {
  const event = typeof window === "undefined" ? undefined : window.event;
  return event && event.timeStamp > 0 ? event.timeStamp : performance.now();
}

/** Something begins. */
export function begin(name: string, key: string | number, at = eventTime()): void {
  begun.set(`${name} ${key}`, at);
}

/** It is on screen; what had no beginning is not measured. It may be told under another name, once that is known. */
export function end(name: string, key: string | number, told = name): void {
  const start = begun.get(`${name} ${key}`);
  if (start === undefined) return;
  begun.delete(`${name} ${key}`);
  // a page may stay open for days
  if (++kept > MOST) {
    performance.clearMeasures();
    kept = 1;
  }
  performance.measure(told, { start, end: performance.now() });
}

/** What has begun and was overtaken. */
export function forget(name: string, below: number): void {
  for (const key of begun.keys()) {
    const [of, number] = [key.slice(0, key.indexOf(" ")), Number(key.slice(key.indexOf(" ") + 1))];
    if (of === name && number < below) begun.delete(key);
  }
}

/** A point in time, only the newest of its name. */
export function mark(name: string): void {
  performance.clearMarks(name);
  performance.mark(name);
}
