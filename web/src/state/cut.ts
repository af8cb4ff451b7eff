/** Which object a cut line is meant for, when none is selected: the one that lies under most of it. */
import { numberAt, type Table } from "./table";

type Point = readonly [number, number];

export interface Seen {
  y: number;
  x: number;
  label: number;
}

/** Distance of a point from a polyline. */
export function distanceTo(line: readonly Point[], y: number, x: number): number {
  let least = Number.POSITIVE_INFINITY;
  for (let at = 0; at < line.length; at++) {
    const [ay, ax] = line[at] as Point;
    const [by, bx] = line[Math.min(at + 1, line.length - 1)] as Point;
    const [dy, dx] = [by - ay, bx - ax];
    const length = dy * dy + dx * dx;
    const share = length > 0 ? Math.min(1, Math.max(0, ((y - ay) * dy + (x - ax) * dx) / length)) : 0;
    least = Math.min(least, Math.hypot(y - ay - share * dy, x - ax - share * dx));
  }
  return least;
}

/**
 * The label that the cursor saw most along the line; without any, the object in whose box the middle of the line lies,
 * the one with the nearest centroid. 0 when there is none.
 */
export function objectUnder(line: readonly Point[], seen: readonly Seen[], table: Table | null): number {
  const counts = new Map<number, number>();
  for (const one of seen) {
    if (one.label > 0 && distanceTo(line, one.y, one.x) <= 2) counts.set(one.label, (counts.get(one.label) ?? 0) + 1);
  }
  const most = [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0])[0];
  if (most) return most[0];
  const [first, last] = [line[0], line.at(-1)];
  if (!table || !first || !last) return 0;
  const [y, x] = [(first[0] + last[0]) / 2, (first[1] + last[1]) / 2];
  const column = (name: string) => table.byName.get(name);
  let [best, nearest] = [0, Number.POSITIVE_INFINITY];
  for (let row = 0; row < table.n; row++) {
    const [dy, dx] = [Math.abs(numberAt(column("y"), row) - y), Math.abs(numberAt(column("x"), row) - x)];
    if (!(dy <= numberAt(column("bbox_height_px"), row) / 2 && dx <= numberAt(column("bbox_width_px"), row) / 2)) continue;
    const distance = Math.hypot(dy, dx);
    if (distance < nearest) [best, nearest] = [table.labels[row] as number, distance];
  }
  return best;
}
