/** The table of objects. Only the rows in view exist, so 70,000 scroll as 70 do. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { ColumnInfo } from "../api/types";
import { shortNumber } from "../state/numbers";
import { columnsShown, filters, hovered, rows, selection, select, sort, table } from "../state/results";
import { centreOnObject } from "../state/stage";
import { firstColumns, titleOf } from "../state/table";
import { Button, Popover } from "./controls";

const ROW = 26;
/** Rows beyond the edges, so that a quick flick shows no gap. Browsers stop at millions of pixels, far above 70,000 rows. */
const SPARE = 8;

function cellText(value: unknown): string {
  if (typeof value === "number") return Number.isInteger(value) ? value.toLocaleString("en") : shortNumber(value);
  if (value === null || value === undefined) return "–";
  return String(value).replaceAll("|", ", ").replaceAll("_", " ");
}

/** Numbers of objects are names: written without commas, as the status bar and the files do, and never cut. */
function width(column: ColumnInfo): number {
  return column.name === "label" ? Math.max(52, 7.6 * String(column.values.at(-1) ?? "").length + 22) : column.name === "flags" ? 190 : Math.max(column.name === "p_dead" ? 84 : 64, (titleOf(column).title.length + titleOf(column).unit.length) * 6.6 + 28);
}

function Head({ columns }: { columns: ColumnInfo[] }) {
  const turn = (name: string): void => {
    sort.value = { column: name, direction: sort.value.column === name && sort.value.direction === 1 ? -1 : 1 };
  };
  return (
    <div role="row" class="table-row head" aria-rowindex={1}>
      {columns.map((column) => {
        const { title, unit } = titleOf(column);
        const own = sort.value.column === column.name;
        return (
          <div key={column.name} role="columnheader" class="cell" style={{ width: `${width(column)}px` }} aria-sort={own ? (sort.value.direction === 1 ? "ascending" : "descending") : "none"}>
            <button type="button" title={`${column.meaning} Click to sort.`} onClick={() => turn(column.name)}>
              {title}{unit && <small> {unit}</small>}{own && <span aria-hidden="true">{sort.value.direction === 1 ? " ▴" : " ▾"}</span>}
            </button>
          </div>
        );
      })}
    </div>
  );
}

function Columns() {
  const shown = table.value;
  if (!shown) return null;
  const chosen = columnsShown.value ?? firstColumns(shown);
  return (
    <Popover label="Columns" icon="layers" text="Columns">
      <div class="columns-list">
        {shown.columns.filter((column) => column.name !== "file" && column.name !== "frame").map((column) => (
          <label key={column.name} title={column.meaning}>
            <input type="checkbox" checked={chosen.includes(column.name)} onChange={(event) => {
              const next = event.currentTarget.checked ? [...chosen, column.name] : chosen.filter((name) => name !== column.name);
              columnsShown.value = shown.columns.map((one) => one.name).filter((name) => next.includes(name));
            }} />
            {titleOf(column).title} <small>{titleOf(column).unit}</small>
          </label>
        ))}
      </div>
    </Popover>
  );
}

export function ObjectTable() {
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 300 });
  const [active, setActive] = useState(-1);
  const shown = table.value;
  const list = rows.value;
  useEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    const watch = new ResizeObserver(() => setView({ top: element.scrollTop, height: element.clientHeight }));
    watch.observe(element);
    return () => watch.disconnect();
  }, [shown === null]);
  const single = selection.value.size === 1 ? [...selection.value][0] : undefined;
  useEffect(() => {
    // an object picked in the image: its row comes into view
    if (single === undefined || !shown) return;
    const at = list.indexOf(shown.rowOf.get(single) ?? -1);
    if (at >= 0) {
      setActive(at);
      show(at);
    }
  }, [single, list]);
  if (!shown) return null;
  const columns = (columnsShown.value ?? firstColumns(shown)).flatMap((name) => shown.byName.get(name) ?? []);
  const first = Math.max(0, Math.floor(view.top / ROW) - SPARE);
  const last = Math.min(list.length, Math.ceil((view.top + view.height) / ROW) + SPARE);
  const labelAt = (at: number): number => shown.labels[list[at] ?? -1] ?? 0;

  function show(at: number): void {
    const element = box.current;
    if (!element) return;
    const top = at * ROW;
    const room = element.clientHeight - ROW;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + ROW > element.scrollTop + room) element.scrollTop = top + ROW - room;
  }

  function pick(at: number, extend: boolean): void {
    setActive(at);
    select(labelAt(at), extend);
    if (!extend) centreOnObject(labelAt(at));
  }

  const keys = (event: KeyboardEvent): void => {
    const page = Math.max(1, Math.floor(view.height / ROW) - 2);
    const moves: Record<string, number> = { ArrowDown: active + 1, ArrowUp: active - 1, PageDown: active + page, PageUp: active - page, Home: 0, End: list.length - 1 };
    const to = moves[event.key];
    if (to !== undefined && list.length > 0) {
      const at = Math.min(list.length - 1, Math.max(0, to));
      show(at);
      pick(at, false);
    } else if (event.key === "Enter" || event.key === " ") {
      if (active >= 0) pick(active, event.key === " ");
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <div class="table-part">
      <div class="row table-tools">
        <span class="number" role="status">{list.length === shown.n ? `${shown.n.toLocaleString("en")} rows` : `${list.length.toLocaleString("en")} of ${shown.n.toLocaleString("en")} rows`}</span>
        {selection.value.size > 0 && <span class="tag">{selection.value.size.toLocaleString("en")} selected</span>}
        {selection.value.size > 1 && !filters.value.chosen && (
          <Button icon="filter" label="Only these" text onClick={() => (filters.value = { ...filters.value, chosen: new Set(selection.value) })} />
        )}
        <span class="spring" />
        <Columns />
      </div>
      <div
        ref={box} class="table" role="grid" tabIndex={0} data-own-keys aria-label="Objects" aria-rowcount={list.length + 1} aria-multiselectable="true"
        aria-activedescendant={active >= first && active < last ? `row-${active}` : undefined} onKeyDown={keys} onPointerLeave={() => (hovered.value = new Set())}
        onScroll={(event) => setView({ top: event.currentTarget.scrollTop, height: event.currentTarget.clientHeight })}
      >
        <div class="table-inner" role="presentation" style={{ height: `${(list.length + 1) * ROW}px`, minWidth: `${columns.reduce((sum, column) => sum + width(column), 0)}px` }}>
          <Head columns={columns} />
          {list.slice(first, last).map((row, offset) => {
            const at = first + offset;
            const label = shown.labels[row] ?? 0;
            const chosen = selection.value.has(label);
            return (
              <div
                key={label} id={`row-${at}`} role="row" aria-rowindex={at + 2} aria-selected={chosen} class={`table-row ${chosen ? "chosen" : ""} ${at === active ? "active" : ""}`}
                style={{ top: `${(at + 1) * ROW}px` }} onPointerEnter={() => (hovered.value = new Set([label]))} onClick={(event) => pick(at, event.shiftKey || event.ctrlKey || event.metaKey)}
              >
                {columns.map((column) => (
                  <div key={column.name} role="gridcell" class={`cell ${typeof column.values[row] === "string" ? "text" : "number"}`} style={{ width: `${width(column)}px` }}>{column.name === "label" ? String(column.values[row]) : cellText(column.values[row])}</div>
                ))}
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}
