/** The plate of an assay: what names of files say, what was in the wells, how far frames are apart, whether films are made. */
import { useEffect, useState } from "preact/hooks";
import type { PlanInfo } from "../api/types";
import { mapGrids, namesPattern, plateMap, video, wellName, type MapGrid } from "../state/channel_files";
import { project, setInterval_s } from "../state/images";
import { count, sentence } from "../state/numbers";
import { loadMapFiles, mapFiles, plan, takeMap } from "../state/plan";
import { Button, Popover } from "./controls";
import { Icon } from "./icons";

const SECONDS = { s: 1, min: 60, h: 3600 } as const;
type Unit = keyof typeof SECONDS;

function Names({ info }: { info: PlanInfo | null }) {
  const few = info?.names.slice(0, 8) ?? [];
  return (
    <div class="setting">
      <div class="setting-head">
        <label class="setting-name" for="names-pattern">Names of files</label>
        <Popover label="About names of files">
          <p>How names say plate, well, field and time, as in <code>{"{well}_f{field}_t{time}_*"}</code>. The parts are {"{plate}, {well} (or {row} and {column}), {field}, {time}"}; * stands for any text.</p>
          <p class="quiet">Left empty, they are read as instruments and people usually write them.</p>
        </Popover>
      </div>
      <input id="names-pattern" type="text" maxLength={500} spellcheck={false} placeholder="as usually written" value={namesPattern.value} onInput={(event) => (namesPattern.value = event.currentTarget.value)} />
      {info?.names_problem && <p class="note bad" role="status">{sentence(info.names_problem)}</p>}
      {few.length > 0 && (
        <div class="scroll-x" tabIndex={0} role="region" aria-label="What the names say">
          <table class="small-table">
            <thead><tr><th>File</th>{few.some((one) => one.plate) && <th>Plate</th>}<th>Well</th><th>Field</th><th>Time</th></tr></thead>
            <tbody>
              {few.map((one) => (
                <tr key={one.file}>
                  <td class="file-cell" title={one.file}>{one.file}</td>{few.some((other) => other.plate) && <td>{one.plate}</td>}<td>{one.well || "–"}</td><td>{one.field || "–"}</td><td>{one.time || "–"}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {info?.names_notes.map((note) => <p key={note} class="quiet small">{sentence(note)}</p>)}
    </div>
  );
}

function Grid({ grid }: { grid: MapGrid }) {
  const conditions = [...new Set([...grid.at.values()].map((one) => one.text))];
  return (
    <div class="scroll-x" tabIndex={0} role="region" aria-label={grid.plate ? `Plate ${grid.plate}` : "Plate map"}>
      <table class="plate-grid">
        {grid.plate && <caption>{grid.plate}</caption>}
        <thead><tr><td />{grid.columns.map((column) => <th key={column} scope="col">{column}</th>)}</tr></thead>
        <tbody>
          {grid.rows.map((row) => (
            <tr key={row}>
              <th scope="row">{row}</th>
              {grid.columns.map((column) => {
                const well = grid.at.get(wellName(row, column));
                const tint = well ? `tint${conditions.indexOf(well.text) % 6}` : "none";
                return <td key={column} class={`${tint} ${well?.control ?? ""}`} title={well ? `${wellName(row, column)}: ${well.text}${well.control ? `, ${well.control} control` : ""}` : wellName(row, column)}>{well?.text ?? ""}</td>;
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function PlateMap({ info }: { info: PlanInfo | null }) {
  const chosen = plateMap.value;
  useEffect(() => void loadMapFiles(), []);
  return (
    <div class="setting">
      <div class="setting-head">
        <label class="setting-name" for="plate-map">Plate map</label>
        <Popover label="About plate maps">
          <p>A table with a line per well (well, condition, dose, control, replicate, plate), or a layout as it is drawn on paper; CSV or tab-separated.</p>
        </Popover>
      </div>
      <div class="row">
        <select id="plate-map" class="grow" value={chosen?.name ?? ""} onFocus={() => void loadMapFiles()} onChange={(event) => {
          if (event.currentTarget.value === "") plateMap.value = null;
          else void takeMap(event.currentTarget.value);
        }}>
          <option value="">none</option>
          {chosen && !mapFiles.value.includes(chosen.name) && <option value={chosen.name}>{chosen.name}</option>}
          {mapFiles.value.map((name) => <option key={name} value={name}>{name}</option>)}
        </select>
        <label class="button plain only-icon file-button" title="Open a plate map">
          <span class="unseen">Open a plate map</span>
          <Icon name="folder" />
          <input type="file" accept=".csv,.tsv,.txt" class="unseen" onChange={(event) => {
            const file = event.currentTarget.files?.[0];
            if (file) void takeMap(file);
            event.currentTarget.value = "";
          }} />
        </label>
        {chosen && <Button icon="close" label="Take the plate map away" onClick={() => (plateMap.value = null)} />}
      </div>
      {info?.plate_map_problem && <p class="note bad" role="status">{sentence(info.plate_map_problem)}</p>}
      {info?.plate_map && (
        <>
          {mapGrids(info.plate_map).map((grid) => <Grid key={grid.plate} grid={grid} />)}
          <p class="quiet small" role="status">{count(info.plate_map.wells.length, "well")}</p>
          {info.plate_map.notes.map((note) => <p key={note} class="note warn">{sentence(note)}</p>)}
        </>
      )}
    </div>
  );
}

/** The unit in which an interval is easiest to read. */
export function unitOf(seconds: number | null): Unit {
  if (seconds === null) return "min";
  return seconds % 3600 === 0 ? "h" : seconds % 60 === 0 ? "min" : "s";
}

function Interval() {
  const open = project.value;
  const [typedUnit, setUnit] = useState<Unit | null>(null);
  if (!open) return null;
  const unit = typedUnit ?? unitOf(open.interval_s);
  const value = open.interval_s === null ? "" : String(Number((open.interval_s / SECONDS[unit]).toPrecision(7)));
  return (
    <div class="setting inline">
      <div class="setting-head"><label class="setting-name" for="frame-interval">Time between frames</label></div>
      <input id="frame-interval" type="number" min={0} step="any" class="number interval" value={value} placeholder="unknown" disabled={open.read_only} onChange={(event) => {
        const typed = event.currentTarget.valueAsNumber;
        void setInterval_s(typed > 0 ? typed * SECONDS[unit] : null);
      }} />
      <select aria-label="Unit of the time between frames" class="interval-unit" value={unit} disabled={open.read_only} onChange={(event) => {
        const next = event.currentTarget.value as Unit;
        setUnit(next);
        if (open.interval_s !== null) void setInterval_s((open.interval_s / SECONDS[unit]) * SECONDS[next]);
      }}>
        {Object.keys(SECONDS).map((one) => <option key={one} value={one}>{one}</option>)}
      </select>
    </div>
  );
}

export function AssaySetup() {
  const info = plan.value;
  return (
    <details class="card assay-setup" open aria-label="Plate">
      <summary><Icon name="chevron" /><span class="card-title">Plate</span></summary>
      <Names info={info} />
      <PlateMap info={info} />
      <Interval />
      <label class="setting inline"><span class="setting-head setting-name">Film of every field</span><input type="checkbox" class="switch" checked={video.value} onChange={(event) => (video.value = event.currentTarget.checked)} /></label>
    </details>
  );
}
