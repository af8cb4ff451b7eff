/** Results: the exact preview or a run, as numbers, sizes, table, review and files. */
import { api, runFile } from "../api/client";
import { current } from "../state/images";
import { runs } from "../state/jobs";
import { sentence, timeText } from "../state/numbers";
import { exactPreview, previewOfCurrent } from "../state/preview";
import { runRequest } from "../state/plan";
import { areasOnly, runClasses } from "../state/run_classes";
import { openRun, run, runImage, shownTable, sourceRun, table, tableProblem } from "../state/results";
import { AssaySection } from "./assay";
import { ClassAreas } from "./class_areas";
import { Corrections } from "./corrections";
import { Popover } from "./controls";
import { FilterBox } from "./filters";
import { Icon } from "./icons";
import { ObjectTable } from "./object_table";
import { CopyAs } from "./run_box";
import { Summary } from "./summary";
import { Why } from "./why";

function Source() {
  return (
    <div class="row">
      <label class="setting-name" for="source-choice">Show</label>
      <select id="source-choice" class="grow" value={sourceRun.value} onChange={(event) => {
        if (event.currentTarget.value) openRun(event.currentTarget.value);
        else sourceRun.value = "";
      }}>
        <option value="">the preview of this image</option>
        {runs.value.map((one) => (
          <option key={one.id} value={one.id}>{one.title || one.recipe} · {timeText(one.created)}{one.edited ? " · corrected" : ""}</option>
        ))}
      </select>
    </div>
  );
}

function RunImages() {
  const open = run.value;
  if (!open) return null;
  return (
    <div class="row">
      <label class="setting-name" for="run-image">Image</label>
      <select id="run-image" class="grow" value={runImage.value?.stem ?? ""} onChange={(event) => {
        const next = open.images.find((one) => one.stem === event.currentTarget.value);
        if (next) openRun(open.id, next);
      }}>
        {!runImage.value && <option value="">the image on screen is not in this run</option>}
        {open.images.map((one) => (
          <option key={one.stem} value={one.stem} disabled={!one.image}>{one.file} · {one.n_objects.reduce((sum, n) => sum + n, 0).toLocaleString("en")} objects{one.image ? "" : " (not in the project)"}</option>
        ))}
      </select>
    </div>
  );
}

function Link({ href, text, open }: { href: string; text: string; open?: boolean }) {
  return (
    <a class="button plain" href={href} {...(open ? { target: "_blank", rel: "noreferrer" } : { download: "" })}>
      <Icon name={open ? "eye" : "download"} /><span>{text}</span>
    </a>
  );
}

export function Downloads({ id }: { id: string }) {
  const areas = run.value?.id === id && areasOnly.value;
  return (
    <section aria-label="Take it away" class="downloads">
      <div class="row wrap">
        <Link href={runFile(id, "report.html")} text="Report" open />
        <Link href={api.downloadRun(id)} text="Run folder" />
        <Link href={runFile(id, areas ? "images.csv" : "objects.csv")} text="CSV" />
        {runImage.value && !areas && <Link href={runFile(id, `labels/${runImage.value.stem}.tif`)} text="Labels" />}
        {runImage.value && run.value?.id === id && runClasses.value.length > 0 && <Link href={runFile(id, `classes/${runImage.value.stem}.tif`)} text="Classes" />}
        {!areas && <Link href={api.exportRun(id, "imagej-rois")} text="ROIs" />}
        <Popover label="More formats" icon="download" text="More">
          <div class="menu">
            {!areas && <Link href={api.exportRun(id, "coco")} text="COCO" />}
            {!areas && <Link href={api.exportRun(id, "geojson")} text="GeoJSON" />}
            {!areas && <Link href={api.exportRun(id, "ome-zarr")} text="OME-Zarr" />}
            <Link href={runFile(id, "images.csv")} text="Table of images (CSV)" />
            <Link href={runFile(id, "run.json")} text="run.json" />
          </div>
        </Popover>
      </div>
      <CopyAs get={() => api.runScripts(id)} />
    </section>
  );
}

function Nothing() {
  if (tableProblem.value) return <p class="note bad" role="status">{sentence(tableProblem.value)}</p>;
  if (!current.value) return <p class="quiet pad">Open an image first.</p>;
  if (sourceRun.value && !runImage.value) return <p class="quiet pad">This run does not have the image on screen; choose one of its images above.</p>;
  return <p class="quiet pad">{previewOfCurrent.value && !exactPreview.value ? "The exact result is on its way…" : "No result yet."}</p>;
}

export function ResultsPanel() {
  const image = current.value;
  const open = run.value;
  // while the next table is on its way, the last one stays, pale
  const stale = shownTable.value === null;
  const warnings = open ? (runImage.value?.warnings ?? []) : (exactPreview.value?.warnings ?? []);
  const choices = open ? (runImage.value?.choices[0] ?? []) : (exactPreview.value?.choices ?? []);
  return (
    <div class="results">
      <Source />
      {open && <RunImages />}
      {open && <AssaySection />}
      {(!table.value || (stale && !exactPreview.value && !runImage.value)) ? <Nothing /> : (
        <div class={stale ? "stale" : ""} aria-busy={stale}>
          {warnings.map((warning) => <p key={warning} class="note warn">{sentence(warning)}</p>)}
          {open && <ClassAreas />}
          {open && areasOnly.value ? <p class="quiet pad">This run measured areas only: no class was chosen whose objects are counted.</p> : (
            <>
              <Summary />
              <FilterBox />
              <ObjectTable />
              <Corrections />
            </>
          )}
          <Why choices={choices} />
          {open ? <Downloads id={open.id} /> : image && (
            <section class="downloads">
              <CopyAs get={() => api.scripts(runRequest([image.id]))} />
              <p class="quiet">Tables, labels, ROIs and the report come with a run: Tune, then “Run on this image”.</p>
            </section>
          )}
        </div>
      )}
    </div>
  );
}
