/** Size distribution: hovering a bar lights up its objects, clicking it filters; the arrow keys do the same. */
import { useState } from "preact/hooks";
import { shortNumber } from "../state/numbers";
import type { Bin } from "../state/table";
import { ticks } from "./bars";

const [WIDTH, HEIGHT, BOTTOM, LEFT, TOP] = [352, 150, 20, 30, 8];

export interface Marker { text: string; value: number }

interface Props {
  title: string;
  unit: string;
  bins: Bin[];
  markers: Marker[];
  filtered: { low: number; high: number } | null;
  onHover: (bin: Bin | null) => void;
  onPick: (bin: Bin) => void;
}

export function SizeHistogram({ title, unit, bins, markers, filtered, onHover, onPick }: Props) {
  const [active, setActive] = useState(-1);
  const [first, last] = [bins[0], bins.at(-1)];
  if (!first || !last) return <p class="quiet pad">Nothing to draw.</p>;
  const most = Math.max(1, ...bins.map((bin) => bin.rows.length));
  const x = (value: number): number => LEFT + ((WIDTH - LEFT - 4) * (value - first.low)) / (last.high - first.low);
  const y = (n: number): number => HEIGHT - BOTTOM - ((HEIGHT - BOTTOM - TOP) * n) / most;
  const name = (bin: Bin): string => `${shortNumber(bin.low)} to ${shortNumber(bin.high)} ${unit}: ${bin.rows.length}${bin.nBorder > 0 ? `, ${bin.nBorder} of them at the border` : ""}`;
  const hover = (at: number): void => {
    setActive(at);
    onHover(bins[at] ?? null);
  };
  const keys = (event: KeyboardEvent): void => {
    if (event.key === "ArrowRight") hover(Math.min(bins.length - 1, active + 1));
    else if (event.key === "ArrowLeft") hover(Math.max(0, active - 1));
    else if (event.key === "Enter" || event.key === " ") bins[active] && onPick(bins[active]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const here = bins[active];
  return (
    <figure class="size-histogram">
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="listbox" tabIndex={0} data-own-keys aria-label={`Distribution of ${title}; arrow keys move, Enter filters`}
        aria-activedescendant={here ? `bin-${active}` : undefined} onKeyDown={keys} onPointerLeave={() => hover(-1)} onBlur={() => hover(-1)}
      >
        <g aria-hidden="true" class="axis">
          {ticks(0, most, 3).filter(Number.isInteger).map((n) => (
            <g key={n}><line class="grid" x1={LEFT} x2={WIDTH - 4} y1={y(n)} y2={y(n)} /><text x={LEFT - 4} y={y(n) + 3.5} text-anchor="end">{n >= 10_000 ? `${n / 1000}k` : n}</text></g>
          ))}
          {ticks(first.low, last.high, 6).map((value) => <text key={value} x={x(value)} y={HEIGHT - 6} text-anchor="middle">{shortNumber(value)}</text>)}
        </g>
        {bins.map((bin, at) => {
          const inside = !filtered || (bin.low < filtered.high && bin.high > filtered.low);
          const width = Math.max(1, x(bin.high) - x(bin.low) - 1);
          const whole = bin.rows.length - bin.nBorder;
          return (
            <g
              key={bin.low} id={`bin-${at}`} role="option" aria-selected={at === active} aria-label={name(bin)} class={`bin ${at === active ? "active" : ""} ${inside ? "" : "out"}`}
              onPointerEnter={() => hover(at)} onClick={() => onPick(bin)}
            >
              <rect class="hit" x={x(bin.low)} y={TOP} width={width + 1} height={HEIGHT - BOTTOM - TOP} />
              <rect class="whole" x={x(bin.low)} y={y(whole)} width={width} height={HEIGHT - BOTTOM - y(whole)} />
              <rect class="border" x={x(bin.low)} y={y(bin.rows.length)} width={width} height={y(whole) - y(bin.rows.length)} />
            </g>
          );
        })}
        <g aria-hidden="true" class="markers">
          {markers.filter((marker) => marker.value >= first.low && marker.value <= last.high).map((marker) => (
            <g key={marker.text}><line x1={x(marker.value)} x2={x(marker.value)} y1={TOP - 2} y2={HEIGHT - BOTTOM} /><text x={x(marker.value) + 3} y={TOP + 4}>{marker.text}</text></g>
          ))}
        </g>
      </svg>
      <figcaption class="quiet number">{here ? name(here) : bins.some((bin) => bin.nBorder > 0) ? "Pale: at the border, left out of mean and D values" : unit}</figcaption>
    </figure>
  );
}
