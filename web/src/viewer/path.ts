/** Paths as they are sent: quarter pixels, no more points than the server takes. */
import type { Point } from "./sweep";

/** Points that the server takes at most. */
export const MOST_POINTS = 20_000;
/** How far from the image the server takes points. */
const MARGIN = 4096;

/** Round to quarter pixels and keep within what the server takes. */
export function quarter([y, x]: Point, height: number, width: number): Point {
  const fit = (v: number, side: number): number => Math.max(-MARGIN, Math.min(Math.round(v * 4) / 4, side - 1 + MARGIN));
  return [fit(y, height), fit(x, width)];
}

/** A path that grows: points nearer to the last one than it matters for the width of the brush are left out. */
export class Path {
  readonly points: Point[] = [];
  private readonly near: number;

  constructor(
    private readonly height: number,
    private readonly width: number,
    radius = 0,
  ) {
    this.near = Math.max(0.25, radius / 32);
  }

  /** Add a point; returns it as it is kept, or null when it was left out. */
  add(point: Point): Point | null {
    const next = quarter(point, this.height, this.width);
    const last = this.points.at(-1);
    if (last && Math.hypot(next[0] - last[0], next[1] - last[1]) < this.near) return null;
    this.points.push(next);
    return next;
  }

  /** The points to send: every n-th when there are too many, the first and the last always. */
  thinned(): Point[] {
    return thin(this.points, MOST_POINTS);
  }
}

export function thin(points: Point[], most: number): Point[] {
  if (points.length <= most) return points;
  const step = (points.length - 1) / (most - 1);
  return Array.from({ length: most }, (_, i) => points[Math.round(i * step)]!);
}

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** A random id that may stand in an address. */
export function randomId(length = 16): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(length)), (byte) => LETTERS[byte & 63]).join("");
}
