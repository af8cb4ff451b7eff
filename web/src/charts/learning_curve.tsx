/** How the score grew with the painted pixels: whether more strokes are worth it. */
import { shortNumber } from "../state/numbers";
import { ticks } from "./bars";

const [WIDTH, HEIGHT, BOTTOM, LEFT, TOP, RIGHT] = [352, 120, 20, 30, 8, 10];

/** The range of an axis of scores: whole tenths around all of them. */
export function scoreRange(values: number[]): [number, number] {
  if (values.length === 0) return [0, 1];
  const low = Math.max(0, Math.floor(10 * Math.min(...values) - 1e-9) / 10);
  const high = Math.min(1, Math.ceil(10 * Math.max(...values) + 1e-9) / 10);
  return high - low < 0.1 ? [Math.max(0, high - 0.1), high] : [low, high];
}

/** Pairs of numbers, ascending, the last of the same number of pixels; what is none is left out. */
export function curvePoints(curve: unknown[][]): [number, number][] {
  return curve
    .filter((pair): pair is [number, number] => typeof pair[0] === "number" && typeof pair[1] === "number" && pair.every((one) => Number.isFinite(one)))
    .map(([n, score]): [number, number] => [n, score])
    .sort((a, b) => a[0] - b[0])
    .filter(([n], at, all) => all[at + 1]?.[0] !== n);
}

export function LearningCurve({ curve }: { curve: unknown[][] }) {
  const points = curvePoints(curve);
  const [first, last] = [points[0], points.at(-1)];
  if (!first || !last || points.length < 2) return null;
  const [bottom, top] = scoreRange(points.map(([, score]) => score));
  const x = (n: number): number => LEFT + ((WIDTH - LEFT - RIGHT) * n) / last[0];
  const y = (score: number): number => HEIGHT - BOTTOM - ((HEIGHT - BOTTOM - TOP) * (score - bottom)) / (top - bottom);
  const text = points.map(([n, score]) => `${shortNumber(n)} pixels: ${score.toFixed(2)}`).join("; ");
  return (
    <figure class="learning-curve">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={`Learning curve. ${text}`}>
        {ticks(bottom, top, 4).map((score) => (
          <g key={score}><line class="grid" x1={LEFT} x2={WIDTH - RIGHT} y1={y(score)} y2={y(score)} /><text x={LEFT - 4} y={y(score) + 3.5} text-anchor="end">{score.toFixed(top - bottom < 0.15 ? 2 : 1)}</text></g>
        ))}
        {ticks(0, last[0], 5).map((n) => <text key={n} x={x(n)} y={HEIGHT - 6} text-anchor="middle">{shortNumber(n)}</text>)}
        <path class="curve" d={points.map(([n, score], at) => `${at === 0 ? "M" : "L"}${x(n).toFixed(1)} ${y(score).toFixed(1)}`).join("")} />
        {points.map(([n, score]) => <circle key={n} class="point" cx={x(n)} cy={y(score)} r={3} />)}
      </svg>
      <figcaption class="quiet">mIoU against painted pixels</figcaption>
    </figure>
  );
}
