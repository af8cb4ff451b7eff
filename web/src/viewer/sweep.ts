/**
 * Which pixels a brush covers: those whose centre is at most the radius away from the path, and the pixel under each
 * point; a radius below 0.5 counts as 0.5.
 *
 * The server decides what is painted (`granum.app.strokes`); this is the same rule, so that the ink under the pointer
 * does not jump when the painted pixels come. A disc swept along a straight line is convex, so it covers one run of
 * pixels per row.
 */

export type Point = [number, number];

/** A run of pixels x0..x1 (both included) of row y. */
export type Run = (y: number, x0: number, x1: number) => void;

// the server compares squared distances in double precision too; this keeps pixels that lie exactly on the rim
const RIM = 1e-9;

/** Call `run` for every row that a disc covers when it is swept from a to b (points are [y, x]). */
export function sweepSegment(a: Point, b: Point, brush: number, run: Run): void {
  const radius = Math.max(0.5, brush);
  const [ay, ax] = a;
  const [by, bx] = b;
  const length = Math.hypot(by - ay, bx - ax);
  // half-width of the straight part, at right angles to it
  const ny = length > 0 ? ((bx - ax) / length) * radius : 0;
  const nx = length > 0 ? (-(by - ay) / length) * radius : 0;
  const top = Math.ceil(Math.min(ay, by) - radius - RIM);
  const bottom = Math.floor(Math.max(ay, by) + radius + RIM);
  for (let y = top; y <= bottom; y++) {
    let low = Infinity;
    let high = -Infinity;
    const take = (x: number, half: number): void => {
      low = Math.min(low, x - half);
      high = Math.max(high, x + half);
    };
    const inA = radius * radius - (y - ay) * (y - ay);
    const inB = radius * radius - (y - by) * (y - by);
    if (inA >= -RIM) take(ax, Math.sqrt(Math.max(0, inA)));
    if (inB >= -RIM) take(bx, Math.sqrt(Math.max(0, inB)));
    if (by !== ay) {
      for (const side of [-1, 1]) {
        const part = (y - ay - side * ny) / (by - ay);
        if (part >= 0 && part <= 1) take(ax + side * nx + part * (bx - ax), 0);
      }
    }
    const x0 = Math.ceil(low - RIM);
    const x1 = Math.floor(high + RIM);
    if (x1 >= x0) run(y, x0, x1);
  }
  for (const [y, x] of [a, b]) run(Math.floor(y + 0.5), Math.floor(x + 0.5), Math.floor(x + 0.5));
}
