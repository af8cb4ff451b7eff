/** Above the image: tools of the tab, overlays, zoom. */
import { current } from "../state/images";
import { tab } from "../state/page";
import { sourceRun } from "../state/results";
import { viewer } from "../state/stage";
import { brushRadius, camera, editRadius, lookOf, overlaysOn, paintTool, resultTool, setLook } from "../state/view";
import type { ToolName } from "../viewer/interface";
import { Button, Popover, Segmented } from "./controls";
import type { IconName } from "./icons";
import { shortNumber } from "../state/numbers";

interface Tool { value: ToolName; text: string; icon: IconName; title: string }

const PAINT: Tool[] = [
  { value: "pan", text: "Move", icon: "pan", title: "Move the image (hold Space)" },
  { value: "brush", text: "Brush", icon: "brush", title: "Brush (B)" },
  { value: "eraser", text: "Eraser", icon: "erase", title: "Eraser (E)" },
  { value: "fill", text: "Fill", icon: "fill", title: "Fill (F)" },
  { value: "polygon", text: "Polygon", icon: "polygon", title: "Polygon (G)" },
];
const LOOK: Tool[] = [
  { value: "pan", text: "Move", icon: "pan", title: "Move the image (hold Space)" },
  { value: "select", text: "Select", icon: "select", title: "Select objects (V); with Shift more of them" },
  { value: "lasso", text: "Lasso", icon: "lasso", title: "Select with a lasso (L)" },
];
const CORRECT: Tool[] = [
  { value: "split", text: "Split", icon: "split", title: "Split an object by a line (X)" },
  { value: "draw", text: "Draw", icon: "draw", title: "Draw a new object" },
  { value: "erase", text: "Erase", icon: "erase", title: "Erase from objects" },
];

function RadiusSlider({ value, onChange }: { value: number; onChange: (radius: number) => void }) {
  return (
    <label class="inline-slider" title="Radius in image pixels ([ and ])">
      <span class="unseen">Radius in pixels</span>
      <input
        type="range" min={0} max={100} value={Math.round(100 * Math.log(value / 0.5) / Math.log(400))}
        onInput={(event) => onChange(Math.round(2 * 0.5 * 400 ** (Number(event.currentTarget.value) / 100)) / 2)}
      />
      <output class="number">{shortNumber(value, 3)} px</output>
    </label>
  );
}

function Tools() {
  if (tab.value === "paint") {
    const drawing = paintTool.value === "brush" || paintTool.value === "eraser";
    return (
      <>
        <Segmented label="Tool" choices={PAINT} value={paintTool.value} onChange={(value) => (paintTool.value = value as ToolName)} />
        {drawing && <RadiusSlider value={brushRadius.value} onChange={(radius) => (brushRadius.value = radius)} />}
      </>
    );
  }
  if (tab.value === "results") {
    const tools = sourceRun.value ? [...LOOK, ...CORRECT] : LOOK;
    const drawing = resultTool.value === "erase" || resultTool.value === "draw";
    return (
      <>
        <Segmented label="Tool" choices={tools} value={resultTool.value} onChange={(value) => (resultTool.value = value as ToolName)} />
        {drawing && <RadiusSlider value={editRadius.value} onChange={(radius) => (editRadius.value = radius)} />}
      </>
    );
  }
  return null;
}

const STYLES = [
  { value: "outline", text: "Outline" }, { value: "fill", text: "Fill" }, { value: "both", text: "Both" },
];

function OverlayLook({ name }: { name: string }) {
  const look = lookOf(name);
  return (
    <>
      <Segmented label="How objects are drawn" choices={STYLES} value={look.style} onChange={(style) => setLook(name, { style: style as typeof look.style })} />
      <label class="inline-slider">
        <span class="unseen">Opacity of the overlay</span>
        <input type="range" min={5} max={100} value={Math.round(look.opacity * 100)} onInput={(event) => setLook(name, { opacity: Number(event.currentTarget.value) / 100 })} />
        <output class="number">{Math.round(look.opacity * 100)} %</output>
      </label>
    </>
  );
}

function OverlayControls() {
  if (tab.value === "runs") return null;
  // the looks of strokes and predictions stand together in the panel
  const name = tab.value === "paint" ? null : "labels";
  return (
    <div class="row tight">
      <Button
        icon={overlaysOn.value ? "eye" : "eye_off"} label="Overlays" keys="O" pressed={overlaysOn.value}
        onClick={() => (overlaysOn.value = !overlaysOn.value)}
      />
      {name && <div class="row tight wide-only"><OverlayLook name={name} /></div>}
      {name && <div class="narrow-only"><Popover label="Look of the overlay" icon="layers"><OverlayLook name={name} /></Popover></div>}
    </div>
  );
}

export function Toolbar() {
  const view = viewer.value;
  const zoom = camera.value?.zoom ?? 1;
  const off = !current.value;
  return (
    <div class="toolbar" role="toolbar" aria-label="Image tools">
      <Tools />
      <span class="spring" />
      <OverlayControls />
      <div class="row tight">
        <Button icon="minus" label="Zoom out" keys="−" disabled={off} onClick={() => view?.zoomBy(1 / 1.5)} />
        <button type="button" class="button plain number zoom" title="Show at 100 %: one screen pixel per image pixel" disabled={off} onClick={() => view?.zoomTo(1)}>
          {shortNumber(zoom * 100, 3)} %
        </button>
        <Button icon="plus" label="Zoom in" keys="+" disabled={off} onClick={() => view?.zoomBy(1.5)} />
        <Button icon="fit" label="Fit" keys="Home" disabled={off} onClick={() => view?.fit()} />
      </div>
    </div>
  );
}
