/**
 * Which prediction counts, and when it takes the place of the one on screen; when the server is told where to look. No
 * signals, so it can be tested.
 *
 * A prediction is known by its key: one model on one plane. It comes window by window, the view first. What is on screen
 * stays until the new one covers the view, so that the colours change once and never go out between two strokes.
 */
import type { LearnLook, LearnPrediction } from "../api/types";

/** [y0, x0, y1, x1], half open. */
export type Window4 = readonly [number, number, number, number];

/** What is looked at: the plane, the view and the model. */
export interface Look {
  image: string;
  t: number;
  z: number;
  view: Window4;
  model: string;
}

export interface Coming {
  message: LearnPrediction;
  ready: Window4[];
  /** Grows with every message that brought pixels: the version of its tiles. */
  version: number;
}

export interface Predictions {
  /** On screen. */
  shown: Coming | null;
  /** Newer, but not yet all over the view. */
  coming: Coming | null;
}

export const noPredictions: Predictions = { shown: null, coming: null };

export interface Taken {
  next: Predictions;
  /** The window of tiles on screen that have new pixels; null when there are none. */
  refresh: Window4 | null;
}

function asWindow(list: number[]): Window4 | null {
  const [y0, x0, y1, x1] = list;
  if (y0 === undefined || x0 === undefined || y1 === undefined || x1 === undefined) return null;
  return y1 > y0 && x1 > x0 ? [y0, x0, y1, x1] : null;
}

/** What is left of a window without another: at most four windows. */
function without(from: Window4, taken: Window4): Window4[] {
  const [y0, x0, y1, x1] = [Math.max(from[0], taken[0]), Math.max(from[1], taken[1]), Math.min(from[2], taken[2]), Math.min(from[3], taken[3])];
  if (y1 <= y0 || x1 <= x0) return [from];
  const parts: Window4[] = [[from[0], from[1], y0, from[3]], [y1, from[1], from[2], from[3]], [y0, from[1], y1, x0], [y0, x1, y1, from[3]]];
  return parts.filter(([a, b, c, d]) => c > a && d > b);
}

/** Whether windows together cover a view; an empty view is always covered. */
export function covers(windows: readonly Window4[], view: Window4): boolean {
  let rest: Window4[] = view[2] > view[0] && view[3] > view[1] ? [view] : [];
  for (const window of windows) {
    rest = rest.flatMap((part) => without(part, window));
    if (rest.length === 0) return true;
  }
  return rest.length === 0;
}

/** The smallest window around windows, null for none. */
export function around(windows: readonly Window4[]): Window4 | null {
  if (windows.length === 0) return null;
  const edge = (at: 0 | 1 | 2 | 3, pick: (...values: number[]) => number): number => pick(...windows.map((window) => window[at]));
  return [edge(0, Math.min), edge(1, Math.min), edge(2, Math.max), edge(3, Math.max)];
}

function samePlane(message: Pick<LearnPrediction, "image" | "t" | "z">, look: Pick<Look, "image" | "t" | "z">): boolean {
  return message.image === look.image && message.t === look.t && message.z === look.z;
}

function withMessage(before: Coming | null, message: LearnPrediction): Coming {
  const fresh = message.ready.map(asWindow).filter((window) => window !== null);
  const old = before?.message.key === message.key ? before : null;
  return {
    // the layers of the first message stay: another address or version would fetch every tile anew
    message: old ? { ...message, classes: old.message.classes, uncertainty: old.message.uncertainty } : message,
    ready: [...(old?.ready ?? []), ...fresh],
    version: (old?.version ?? 0) + (fresh.length > 0 || !old ? 1 : 0),
  };
}

/** Put the coming one on screen when it covers the view, is complete, or when nothing of this plane is there to wait with. */
export function promote(state: Predictions, look: Look): Predictions {
  const { shown, coming } = state;
  if (!coming) return state;
  const nothing = !shown || !samePlane(shown.message, look);
  const ready = coming.message.complete || covers(coming.ready, look.view) || (nothing && coming.ready.length > 0);
  return ready ? { shown: coming, coming: null } : state;
}

/** A message of the server; what is not of the plane and model that are looked at, or is older than what is known, counts for nothing. */
export function takePrediction(state: Predictions, message: LearnPrediction, look: Look | null): Taken {
  const nothing: Taken = { next: state, refresh: null };
  if (!look || !samePlane(message, look) || message.model !== look.model) return nothing;
  const newest = state.coming ?? state.shown;
  if (newest && samePlane(newest.message, look) && newest.message.model === look.model && message.request < newest.message.request) return nothing;
  if (state.shown?.message.key === message.key) {
    // also after undo: the model of before is the model of now again
    const shown = withMessage(state.shown, message);
    const fresh = message.ready.map(asWindow).filter((window) => window !== null);
    return { next: { shown, coming: null }, refresh: around(fresh) };
  }
  const coming = withMessage(state.coming, message);
  return { next: promote({ shown: state.shown, coming }, look), refresh: null };
}

/**
 * Sends what is looked at: another plane or model at once, a moved view when it has come to rest. Strokes are not told:
 * the server has them, and predicts anew by itself.
 */
export class LookSender {
  private request = 0;
  private sent: Look | null = null;
  private wanted: Look | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly send: (look: LearnLook) => boolean, private readonly rest = 140) {}

  /** Number of the newest request. */
  get newest(): number {
    return this.request;
  }

  /** Look here; null: nowhere. */
  want(look: Look | null): void {
    this.wanted = look;
    const sent = this.sent;
    if (look && sent && samePlane(look, sent) && look.model === sent.model) {
      clearTimeout(this.timer);
      if (look.view.some((value, at) => value !== sent.view[at])) this.timer = setTimeout(() => this.now(), this.rest);
    } else if (look || sent) this.now();
  }

  /** Ask for the same place again: the connection is a new one. */
  again(): void {
    if (this.wanted) this.now();
  }

  /** The connection is gone: the next one knows nothing. */
  lost(): void {
    this.sent = null;
  }

  private now(): void {
    clearTimeout(this.timer);
    const look = this.wanted;
    const body: LearnLook = look
      ? { type: "learn_look", request: ++this.request, on: true, image: look.image, t: look.t, z: look.z, view: [...look.view], model: look.model }
      : { type: "learn_look", request: ++this.request, on: false };
    this.sent = this.send(body) ? look : null;
  }
}
