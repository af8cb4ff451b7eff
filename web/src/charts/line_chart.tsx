/** Lines over time: bands behind, replicates thin, fits dashed; the caption tells the values under the pointer. */
import { useState } from "preact/hooks";
import { shortNumber } from "../state/numbers";
import { ticks } from "./bars";
import { timeText, valueText } from "./plate_scale";
import { axis, bandPath, linePath, MARKS, N_STYLES, steps, valueEnds } from "./series";

const [WIDTH, HEIGHT, BOTTOM, LEFT, TOP, RIGHT] = [352, 190, 32, 36, 8, 10];
const MOST_MARKS = 16;

type Values = readonly (number | null)[];

export interface Line {
  name: string;
  time: readonly number[];
  value: Values;
  low?: Values;
  high?: Values;
  fit?: { time: readonly number[]; value: Values } | null;
}

interface Props {
  title: string;
  unit: string;
  timeUnit: string;
  lines: Line[];
  /** `owner` is the place of its line; -1 for none. */
  thin?: { owner: number; time: readonly number[]; value: Values }[];
  stepped?: boolean;
  note?: string;
}

export function Key({ style }: { style: number }) {
  return (
    <svg class={`series-key s${style % N_STYLES}`} viewBox="-13 -7 26 14" width="26" height="14" aria-hidden="true">
      <path class="line" d="M-13 0h26" /><path class="mark" d={MARKS[style % N_STYLES]} />
    </svg>
  );
}

export function LineChart({ title, unit, timeUnit, lines, thin = [], stepped = false, note = "" }: Props) {
  const [at, setAt] = useState<number | null>(null);
  const every = [...lines, ...thin, ...lines.flatMap((line) => line.fit ?? [])];
  const times = every.flatMap((line) => line.time);
  const [bottom, top] = valueEnds([...every.flatMap((line) => line.value), ...lines.flatMap((line) => (unit === "%" ? [] : (line.high ?? [])))], unit);
  const x = axis(Math.min(...times), Math.max(...times), LEFT, WIDTH - RIGHT);
  const y = axis(bottom, top, HEIGHT - BOTTOM, TOP);
  const measured = [...new Set((lines.length > 0 ? lines : thin).flatMap((line) => line.time))].sort((a, b) => a - b);
  const drawn = (time: readonly number[], value: Values): { time: readonly number[]; value: Values } => (stepped ? steps(time, value) : { time, value });
  const path = (time: readonly number[], value: Values): string => {
    const line = drawn(time, value);
    return linePath(line.time, line.value, x.place, y.place);
  };
  const band = (line: Line): string => {
    const low = drawn(line.time, line.low ?? []);
    return bandPath(low.time, low.value, drawn(line.time, line.high ?? []).value, x.place, y.place, bottom, top);
  };
  /** A step curve holds its value until the next time. */
  const valueAt = (line: Line, time: number): number | null => {
    const place = stepped ? line.time.reduce((best, own, index) => (own <= time ? index : best), -1) : line.time.indexOf(time);
    return line.value[place] ?? null;
  };
  const told = (time: number): string => lines.map((line) => `${line.name} ${valueText(valueAt(line, time), unit)}`).join(", ");
  const last = measured.at(-1) ?? 0;
  const move = (event: PointerEvent): void => {
    const box = (event.currentTarget as SVGElement).getBoundingClientRect();
    const here = ((event.clientX - box.left) / Math.max(1, box.width)) * WIDTH;
    setAt(measured.reduce((best, time) => (Math.abs(x.place(time) - here) < Math.abs(x.place(best) - here) ? time : best), last));
  };
  return (
    <figure class="line-chart">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={`${title} over time. At ${timeText(last, timeUnit)}: ${told(last) || `${thin.length} lines`}`} onPointerMove={move} onPointerLeave={() => setAt(null)}>
        {ticks(bottom, top, 5).map((value) => (
          <g key={value}><line class="grid" x1={LEFT} x2={WIDTH - RIGHT} y1={y.place(value)} y2={y.place(value)} /><text x={LEFT - 4} y={y.place(value) + 3.5} text-anchor="end">{unit === "%" ? shortNumber(100 * value) : shortNumber(value)}</text></g>
        ))}
        {ticks(x.low, x.high, 6).filter((time) => timeUnit !== "frame" || Number.isInteger(time)).map((time) => <text key={time} x={x.place(time)} y={HEIGHT - BOTTOM + 13} text-anchor="middle">{shortNumber(time)}</text>)}
        <text x={(LEFT + WIDTH - RIGHT) / 2} y={HEIGHT - 4} text-anchor="middle">{timeUnit === "frame" ? "frame" : `time (${timeUnit})`}</text>
        {at !== null && <line class="cursor" x1={x.place(at)} x2={x.place(at)} y1={TOP} y2={HEIGHT - BOTTOM} />}
        {lines.map((line, style) => <path key={line.name} class={`band s${style % N_STYLES}`} d={band(line)} />)}
        {thin.map((line, index) => <path key={index} class={`thin ${line.owner < 0 ? "alone" : `s${line.owner % N_STYLES}`}`} d={path(line.time, line.value)} />)}
        {lines.map((line, style) => line.fit && <path key={line.name} class={`fit s${style % N_STYLES}`} d={linePath(line.fit.time, line.fit.value, x.place, y.place)} />)}
        {lines.map((line, style) => {
          const every_ = Math.max(1, Math.ceil(line.time.length / MOST_MARKS));
          return (
            <g key={line.name} class={`s${style % N_STYLES}`}>
              <path class="line" d={path(line.time, line.value)} />
              {line.time.map((time, index) => {
                const value = line.value[index] ?? null;
                return index % every_ === 0 && value !== null && <path key={time} class="mark" d={MARKS[style % N_STYLES]} transform={`translate(${x.place(time).toFixed(1)} ${y.place(value).toFixed(1)})`} />;
              })}
            </g>
          );
        })}
      </svg>
      {lines.length > 1 && <ul class="series-legend">{lines.map((line, style) => <li key={line.name}><Key style={style} /><span>{line.name}</span></li>)}</ul>}
      <figcaption class="quiet number">{at === null ? note : `${timeText(at, timeUnit)}: ${told(at) || note}`}</figcaption>
    </figure>
  );
}
