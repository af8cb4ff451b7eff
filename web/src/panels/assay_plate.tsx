/** The plate: a button for every well, coloured by its value with the number in it; a click shows the well's image. */
import { useRef, useState } from "preact/hooks";
import type { AssayBody, AssayWell } from "../api/types";
import { cellText, intervalText, plateColour, plateShape, platesOf, rowLetters, timeText, valueText, type PlateLayer } from "../charts/plate_scale";
import { N_STYLES } from "../charts/series";
import { imagesAt, openAssayImage, plateName, shownLayer, shownPlate, shownTime, timeIndex } from "../state/assay";
import { count } from "../state/numbers";
import { plane } from "../state/view";
import { runImage } from "../state/results";
import { Part } from "./assay_part";
import { MeasureChoice } from "./assay_choices";
import { Button } from "./controls";

/** What is known of a well, in words. */
export function wellText(well: AssayWell): string {
  return [
    well.well, well.condition, well.dose === null ? "" : `dose ${well.dose}`, well.control && `${well.control} control`,
    well.replicate && `replicate ${well.replicate}`, well.n_fields > 1 ? `${well.n_fields} fields` : "",
  ].filter(Boolean).join(", ");
}

function TimeSlider({ times, unit }: { times: number[]; unit: string }) {
  if (times.length < 2) return null;
  const at = times.indexOf(shownTime.value);
  const text = timeText(shownTime.value, unit);
  return (
    <div class="row">
      <label class="setting-name" for="plate-time">Time</label>
      <input id="plate-time" type="range" class="grow" min={0} max={times.length - 1} step={1} value={at} aria-valuetext={text} onInput={(event) => (timeIndex.value = Number(event.currentTarget.value))} />
      <output class="number" for="plate-time">{text}</output>
    </div>
  );
}

function Scale({ layer }: { layer: PlateLayer }) {
  const stops = Array.from({ length: 9 }, (_, at) => plateColour(at / 8).colour).join(", ");
  return (
    <p class="plate-scale quiet number" aria-hidden="true">
      <span>{valueText(layer.low, layer.measure.unit)}</span><i style={{ background: `linear-gradient(90deg, ${stops})` }} /><span>{valueText(layer.high, layer.measure.unit)}</span>
    </p>
  );
}

/** Colours of conditions as in the curves; none where there are more than colours. */
function Conditions({ names }: { names: string[] }) {
  if (names.length < 2 || names.length > N_STYLES) return null;
  return <ul class="series-legend">{names.map((name, style) => <li key={name}><i class={`of-condition s${style}`} /><span>{name}</span></li>)}</ul>;
}

/** What is said of the well under the pointer or the keyboard. */
function About({ body, well, layer }: { body: AssayBody; well: AssayWell | null; layer: PlateLayer }) {
  if (!well) return <p class="plate-about quiet">A click on a well shows its image.</p>;
  const own = layer.at(well.well, shownTime.value);
  const images = imagesAt(body, well.plate, well.well, shownTime.value);
  return (
    <div class="plate-about">
      <p><strong>{well.well}</strong> {wellText(well).slice(well.well.length + 2)}</p>
      <p class="number">{layer.measure.title} {intervalText(own?.value, own?.low, own?.high, layer.measure.unit)}{own && own.n > 0 && layer.measure.name.startsWith("viability") ? ` · n = ${count(own.n, "nucleus", "nuclei")}` : ""}</p>
      {images.length > 1 && (
        <p class="row wrap tight">
          <span class="quiet">Fields:</span>
          {images.map((image) => <Button key={`${image.stem}/${image.frame}`} label={image.field || image.file} text onClick={() => openAssayImage(image)} />)}
        </p>
      )}
    </div>
  );
}

export function AssayPlate({ body }: { body: AssayBody }) {
  const grid = useRef<HTMLTableElement>(null);
  const [active, setActive] = useState("");
  const [pointed, setPointed] = useState("");
  const plates = platesOf(body);
  const layer = shownLayer.value;
  const wells = body.wells.filter((well) => well.plate === shownPlate.value && well.row > 0);
  if (wells.length < 2 || body.wells.length < 2) return null;
  const [rows, columns] = plateShape(wells);
  const places = new Map(wells.map((well) => [`${well.row}/${well.column}`, well]));
  const conditions = [...new Set(body.curves.filter((curve) => curve.level === "condition").map((curve) => curve.name))];
  const styleOf = (well: AssayWell): number => (conditions.length > 1 && conditions.length <= N_STYLES ? conditions.indexOf(well.curve) : -1);
  const current = wells.find((well) => well.well === active) ?? wells[0];
  const shown = runImage.value && body.images.find((image) => image.stem === runImage.value?.stem && image.frame === plane.value.t);
  const told = wells.find((well) => well.well === (pointed || active)) ?? null;

  const open = (well: AssayWell): void => {
    setActive(well.well);
    const [image] = imagesAt(body, well.plate, well.well, shownTime.value);
    if (image) openAssayImage(image);
  };
  /** To the next well that there is in a direction; empty places are passed over. */
  const keys = (event: KeyboardEvent): void => {
    const step = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key];
    if (!step || !current) return;
    event.preventDefault();
    event.stopPropagation();
    let [row, column] = [current.row + (step[0] ?? 0), current.column + (step[1] ?? 0)];
    while (row >= 1 && row <= rows && column >= 1 && column <= columns && !places.has(`${row}/${column}`)) [row, column] = [row + (step[0] ?? 0), column + (step[1] ?? 0)];
    const next = places.get(`${row}/${column}`);
    if (!next) return;
    setActive(next.well);
    grid.current?.querySelector<HTMLButtonElement>(`[data-well="${CSS.escape(next.well)}"]`)?.focus();
  };

  return (
    <Part title="Plate" about={count(wells.length, "well")} open>
      <div class="card-body">
        {plates.length > 1 && (
          <div class="row">
            <label class="setting-name" for="plate-choice">Plate</label>
            <select id="plate-choice" class="grow" value={shownPlate.value} onChange={(event) => (plateName.value = event.currentTarget.value)}>
              {plates.map((plate) => <option key={plate} value={plate}>{plate || "without a name"}</option>)}
            </select>
          </div>
        )}
        <div class="row"><MeasureChoice body={body} id="plate-measure" /></div>
        {!layer ? <p class="quiet">Nothing was measured of it on this plate.</p> : (
          <>
            <TimeSlider times={layer.times} unit={body.time_unit} />
            <div class="plate-scroll" onPointerLeave={() => setPointed("")}>
              <table ref={grid} class={`plate ${columns > 12 ? "many" : ""}`} onKeyDown={keys} data-own-keys>
                <caption class="unseen">{layer.measure.title}{layer.measure.unit && `, ${layer.measure.unit}`} of each well{layer.times.length > 1 ? ` at ${timeText(shownTime.value, body.time_unit)}` : ""}</caption>
                <thead><tr><td />{Array.from({ length: columns }, (_, at) => <th key={at} scope="col">{at + 1}</th>)}</tr></thead>
                <tbody>
                  {Array.from({ length: rows }, (_, r) => (
                    <tr key={r}>
                      <th scope="row">{rowLetters(r + 1)}</th>
                      {Array.from({ length: columns }, (_c, c) => {
                        const well = places.get(`${r + 1}/${c + 1}`);
                        if (!well) return <td key={c}><i class="no-well" /></td>;
                        const value = layer.at(well.well, shownTime.value)?.value ?? null;
                        const paint = value === null ? null : plateColour((value - layer.low) / (layer.high - layer.low));
                        const here = shown?.well === well.well && shown.plate === well.plate;
                        return (
                          <td key={c}>
                            <button
                              type="button" data-well={well.well} class={`well number ${paint ? `${paint.ink}-ink` : "empty"} ${here ? "here" : ""}`} style={paint ? { background: paint.colour } : undefined}
                              tabIndex={well === current ? 0 : -1} aria-label={`${wellText(well)}: ${cellText(value, layer.measure.unit)} ${value === null ? "" : layer.measure.unit}`.trim()} aria-current={here ? "true" : undefined} title={wellText(well)}
                              onClick={() => open(well)} onFocus={() => setActive(well.well)} onPointerEnter={() => setPointed(well.well)}
                            >
                              {cellText(value, layer.measure.unit)}
                              {styleOf(well) >= 0 && <i class={`of-condition s${styleOf(well)}`} />}
                            </button>
                          </td>
                        );
                      })}
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
            <Scale layer={layer} />
            <Conditions names={conditions} />
            <About body={body} well={told} layer={layer} />
          </>
        )}
      </div>
    </Part>
  );
}
