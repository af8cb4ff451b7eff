/** The window of a channel: its histogram with two handles, each a slider of its own for the keyboard. */
import type { HistogramInfo } from "../api/types";
import { shortNumber } from "../state/numbers";
import { areaPath, rebin } from "./bars";

const [WIDTH, HEIGHT] = [300, 30];

interface Props {
  name: string;
  histogram: HistogramInfo | null;
  low: number;
  high: number;
  /** Range of the handles in tile values. */
  from: number;
  to: number;
  text: (tileValue: number) => number;
  colour: string;
  onChange: (low: number, high: number) => void;
}

export function WindowHistogram({ name, histogram, low, high, from, to, text, colour, onChange }: Props) {
  const span = Math.max(1, to - from);
  const place = (value: number): number => Math.min(WIDTH, Math.max(0, (WIDTH * (value - from)) / span));
  /** Dragging between the handles moves both: the level, at the same contrast. */
  const shift = (event: PointerEvent): void => {
    const box = event.currentTarget as SVGElement;
    const scale = span / Math.max(1, box.getBoundingClientRect().width);
    const start = event.clientX;
    const move = (next: PointerEvent): void => {
      const by = Math.round((next.clientX - start) * scale);
      const room = Math.min(to - high, Math.max(from - low, by));
      onChange(low + room, high + room);
    };
    const end = (): void => {
      box.removeEventListener("pointermove", move);
      box.removeEventListener("pointerup", end);
      box.removeEventListener("pointercancel", end);
    };
    box.setPointerCapture(event.pointerId);
    box.addEventListener("pointermove", move);
    box.addEventListener("pointerup", end);
    box.addEventListener("pointercancel", end);
  };
  return (
    <div class="window" role="group" aria-label={`Window of ${name}`}>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true" onPointerDown={shift}>
        {histogram && (
          <svg x={place(histogram.low)} width={Math.max(1, place(histogram.high) - place(histogram.low))} height={HEIGHT} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none">
            <path class="area" d={areaPath(rebin(histogram.counts, 150), WIDTH, HEIGHT)} />
          </svg>
        )}
        <rect class="outside" x={0} width={place(low)} y={0} height={HEIGHT} />
        <rect class="outside" x={place(high)} width={WIDTH - place(high)} y={0} height={HEIGHT} />
        <line x1={place(low)} x2={place(high)} y1={HEIGHT} y2={0} class="ramp" style={{ stroke: colour }} />
      </svg>
      <input
        type="range" class="handle low" min={from} max={to} step={Math.max(1, Math.round(span / 2000))} value={low} aria-label={`Black at, ${name}`} aria-valuetext={shortNumber(text(low), 5)}
        onInput={(event) => onChange(Math.min(Number(event.currentTarget.value), high - 1), high)}
      />
      <input
        type="range" class="handle high" min={from} max={to} step={Math.max(1, Math.round(span / 2000))} value={high} aria-label={`White at, ${name}`} aria-valuetext={shortNumber(text(high), 5)}
        onInput={(event) => onChange(low, Math.max(Number(event.currentTarget.value), low + 1))}
      />
    </div>
  );
}
