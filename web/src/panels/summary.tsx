/** The numbers that are published, as the server computed them, and the size distribution. */
import { SizeHistogram, type Marker } from "../charts/size_histogram";
import { shortNumber } from "../state/numbers";
import { chart, chartColumn, filters, hovered, setRange, table } from "../state/results";
import { titleOf, type Bin, type Table } from "../state/table";

/** A summary value in the best unit that there is: "ecd_d50" -> ecd_d50_nm, else ecd_d50_px. */
export function bestOf(summary: Record<string, number | null>, name: string): { value: number | null; unit: string } | null {
  for (const unit of ["nm", "um", "mm", "px"]) {
    const value = summary[`${name}_${unit}`];
    if (value !== undefined) return { value, unit: unit === "um" ? "µm" : unit };
  }
  return null;
}

function Tile({ name, value, unit, title }: { name: string; value: number | null | undefined; unit: string; title: string }) {
  return (
    <div title={title}>
      <dt>{name}</dt>
      <dd class="number">{shortNumber(value)}{unit && <small> {unit}</small>}</dd>
    </div>
  );
}

function Tiles({ shown }: { shown: Table }) {
  const size = (name: string) => bestOf(shown.summary, name);
  const fraction = shown.summary["area_fraction"];
  const [density, unit] = shown.summary["density_per_um2"] !== undefined ? [shown.summary["density_per_um2"], "/µm²"] : [shown.summary["density_per_mpx"], "/Mpx"];
  return (
    <dl class="tiles">
      <Tile name="Objects" value={shown.n} unit="" title="All objects of this image" />
      <Tile name="Mean" value={size("ecd_mean")?.value} unit={size("ecd_mean")?.unit ?? ""} title="Mean equivalent circular diameter, without objects at the border" />
      <Tile name="D10" value={size("ecd_d10")?.value} unit={size("ecd_d10")?.unit ?? ""} title="10 % of the objects are smaller, by number" />
      <Tile name="D50" value={size("ecd_d50")?.value} unit={size("ecd_d50")?.unit ?? ""} title="Median diameter, by number" />
      <Tile name="D90" value={size("ecd_d90")?.value} unit={size("ecd_d90")?.unit ?? ""} title="90 % of the objects are smaller, by number" />
      <Tile name="Area" value={fraction === null || fraction === undefined ? null : fraction * 100} unit="%" title="Part of the analysed area that is covered by objects" />
      <Tile name="Density" value={density} unit={unit as string} title="Objects per area; those at the border count half" />
      <Tile name="Doubtful" value={shown.summary["n_low_confidence"]} unit="" title="Objects whose separation is doubtful" />
    </dl>
  );
}

function markersOf(shown: Table, column: string): Marker[] {
  const { title } = titleOf({ name: column });
  if (!title.startsWith("diameter")) return [];
  const suffix = column.slice(column.lastIndexOf("_"));
  return [["D10", "d10"], ["D50", "d50"], ["D90", "d90"]].flatMap(([text, name]) => {
    const value = shown.summary[`ecd_${name}${suffix}`];
    return typeof value === "number" ? [{ text: text as string, value }] : [];
  });
}

export function Summary() {
  const shown = table.value;
  const drawn = chart.value;
  if (!shown) return null;
  const light = (bin: Bin | null): void => {
    hovered.value = new Set((bin?.rows ?? []).map((row) => shown.labels[row] as number));
  };
  const pick = (bin: Bin): void => {
    if (!drawn) return;
    const now = filters.value.ranges.find((range) => range.column === drawn.column);
    const same = now?.low === bin.low && now.high === bin.high;
    setRange(drawn.column, same ? null : { low: bin.low, high: bin.high, closed: bin.last });
  };
  const range = drawn ? (filters.value.ranges.find((one) => one.column === drawn.column) ?? null) : null;
  return (
    <section aria-label="Summary">
      <Tiles shown={shown} />
      {drawn && (
        <>
          <label class="row chart-head">
            <span class="quiet">Distribution of</span>
            <select value={drawn.column} onChange={(event) => (chartColumn.value = event.currentTarget.value)}>
              {drawn.names.map((name) => <option key={name} value={name}>{titleOf({ name }).title} {titleOf({ name }).unit}</option>)}
            </select>
          </label>
          <SizeHistogram
            title={titleOf({ name: drawn.column }).title} unit={titleOf({ name: drawn.column }).unit} bins={drawn.bins} markers={markersOf(shown, drawn.column)}
            filtered={range} onHover={light} onPick={pick}
          />
        </>
      )}
    </section>
  );
}
