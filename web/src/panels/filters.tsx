/** What is shown of the table: by flag, by a range of any column, by what is selected. */
import { signal } from "@preact/signals";
import { shortNumber } from "../state/numbers";
import { filters, setFlagFilter, setRange, setWordFilter, table } from "../state/results";
import { flagCounts, isFiltered, NO_FILTERS, sizeColumns, titleOf, wordCounts } from "../state/table";
import { Button } from "./controls";
import { Icon } from "./icons";

const rangeColumn = signal("confidence");

function RangeChips() {
  return (
    <>
      {filters.value.ranges.map((range) => {
        const { title, unit } = titleOf({ name: range.column });
        const text = `${title} ${Number.isFinite(range.low) ? shortNumber(range.low) : "…"} to ${Number.isFinite(range.high) ? shortNumber(range.high) : "…"} ${unit}`;
        return (
          <button key={range.column} type="button" class="button chip-button on" title="Take this filter away" onClick={() => setRange(range.column, null)}>
            <span>{text}</span><Icon name="close" />
          </button>
        );
      })}
      {filters.value.chosen && (
        <button type="button" class="button chip-button on" title="Take this filter away" onClick={() => (filters.value = { ...filters.value, chosen: null })}>
          <span>{filters.value.chosen.size} selected objects</span><Icon name="close" />
        </button>
      )}
    </>
  );
}

function RangeFields() {
  const shown = table.value;
  if (!shown) return null;
  const names = sizeColumns(shown);
  const column = names.includes(rangeColumn.value) ? rangeColumn.value : (names[0] ?? "");
  const range = filters.value.ranges.find((one) => one.column === column);
  const change = (side: "low" | "high", value: number): void => {
    const next = { low: range?.low ?? -Infinity, high: range?.high ?? Infinity, closed: true, [side]: Number.isFinite(value) ? value : side === "low" ? -Infinity : Infinity };
    setRange(column, Number.isFinite(next.low) || Number.isFinite(next.high) ? next : null);
  };
  const text = (value: number | undefined): string => (value !== undefined && Number.isFinite(value) ? String(value) : "");
  return (
    <div class="row range-fields">
      <select aria-label="Column to filter by" value={column} onChange={(event) => (rangeColumn.value = event.currentTarget.value)}>
        {names.map((name) => <option key={name} value={name}>{titleOf({ name }).title} {titleOf({ name }).unit}</option>)}
      </select>
      <input type="number" step="any" class="number" aria-label="from" placeholder="from" value={text(range?.low)} onChange={(event) => change("low", event.currentTarget.valueAsNumber)} />
      <span class="quiet">to</span>
      <input type="number" step="any" class="number" aria-label="to" placeholder="to" value={text(range?.high)} onChange={(event) => change("high", event.currentTarget.valueAsNumber)} />
    </div>
  );
}

export function FilterBox() {
  const shown = table.value;
  if (!shown) return null;
  const active = isFiltered(filters.value);
  return (
    <section class="filters" aria-label="Filters">
      <div class="row wrap">
        {[...wordCounts(shown)].map(([column, words]) => [...words].map(([word, n]) => {
          const on = filters.value.words[column] === word;
          return (
            <button key={`${column}/${word}`} type="button" class={`button chip-button ${on ? "on" : ""}`} aria-pressed={on} title={`${titleOf({ name: column }).title}. Click: only these; again: all`} onClick={() => setWordFilter(column, word)}>
              <span>{word.replaceAll("_", " ")}</span> <span class="number quiet">{n.toLocaleString("en")}</span>
            </button>
          );
        }))}
        {[...flagCounts(shown)].map(([flag, n]) => {
          const rule = filters.value.flags[flag];
          return (
            <button key={flag} type="button" class={`button chip-button ${rule ? "on" : ""}`} aria-pressed={rule !== undefined} title="Click: only these; again: all but these; again: all" onClick={() => setFlagFilter(flag)}>
              <span>{rule === "without" ? "not " : ""}{flag.replaceAll("_", " ")}</span> <span class="number quiet">{n.toLocaleString("en")}</span>
            </button>
          );
        })}
        <RangeChips />
        {active && <Button label="Show all" text onClick={() => (filters.value = NO_FILTERS)} />}
      </div>
      <RangeFields />
    </section>
  );
}
