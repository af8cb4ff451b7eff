/** Between the signals and the viewer: what it is to draw, and what its events mean. */
import { computed, effect, signal } from "@preact/signals";
import type { LayerInfo } from "../api/types";
import type { OverlayView, ViewerControls } from "../viewer/interface";
import { edit, onEdited } from "./edits";
import { objectUnder, type Seen } from "./cut";
import { current } from "./images";
import { learnOverlays, markers, predictions, useLearnScreen } from "./learn";
import { say, tab } from "./page";
import { classColours, currentClass, paint, paintKey, sendStroke, usePaintScreen, wantedPaintKey } from "./paint";
import { previewOfCurrent, previewPlane } from "./preview";
import {
  doubtful, hovered, onlyLabels, placeOf, runLayer, select, selectInside, selection, shownTable, sourceRun, table, tableKey, wantedKey,
} from "./results";
import { runClassColours, runClassLook, shownRunClasses } from "./run_classes";
import { begin, end, forget, mark } from "./timing";
import {
  brushRadius, camera, channels, cursor, editRadius, lookOf, overlaysOn, plane, playing, resultTool, setPlane, tool,
} from "./view";

export const viewer = signal<ViewerControls | null>(null);

const ORDER: LayerInfo["kind"][] = ["image", "classes", "mask", "labels", "points"];

function overlayOf(id: string, layer: LayerInfo): OverlayView {
  const look = lookOf(layer.name);
  const overlay: OverlayView = { id, layer, visible: overlaysOn.value && look.visible, opacity: look.opacity, style: look.style };
  if (layer.kind !== "classes") return overlay;
  return { ...overlay, colours: Object.keys(layer.colours ?? {}).length > 0 ? layer.colours : classColours.value };
}

const lit = computed<ReadonlySet<number>>(() => (hovered.value.size > 0 ? hovered.value : selection.value));
const doubtfulLabels = computed<ReadonlySet<number>>(() => {
  const shown = table.value;
  return new Set(shown ? doubtful.value.map((row) => shown.labels[row] as number) : []);
});

/** Labels in the results carry what the table knows: filters, what is lit up, what is doubtful. */
function withTable(overlay: OverlayView): OverlayView {
  if (!shownTable.value) return overlay;
  return { ...overlay, only: onlyLabels.value, highlight: lit.value, doubtful: doubtfulLabels.value };
}

export const overlays = computed<OverlayView[]>(() => {
  const results = tab.value === "results";
  if (tab.value === "paint") {
    const state = paint.value;
    if (!state || paintKey.value !== wantedPaintKey.value) return learnOverlays.value;
    const look = lookOf("paint");
    // strokes lie above what they have taught, with a rim, or they would be lost in their own colours
    return [...learnOverlays.value, {
      id: "paint", layer: state.layer, visible: overlaysOn.value && look.visible, opacity: look.opacity, style: look.style,
      colours: classColours.value, rim: learnOverlays.value.some((one) => one.visible),
    }];
  }
  if (results && sourceRun.value) {
    const layer = tableKey.value === wantedKey.value ? runLayer.value : null;
    const objects = layer ? [withTable(overlayOf("run:labels", { ...layer, name: "labels" }))] : [];
    const found = shownRunClasses.value;
    if (!found) return objects;
    return [{ ...overlayOf("run:classes", { ...found, name: runClassLook.value }), colours: runClassColours.value }, ...objects];
  }
  if (tab.value === "runs") return [];
  const result = previewOfCurrent.value;
  const at = previewPlane.value;
  if (!result || at.t !== plane.value.t || at.z !== plane.value.z) return [];
  const layers = [...result.layers].sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));
  return layers.map((layer) => {
    const overlay = overlayOf(`preview:${layer.name}`, layer);
    return results && layer.name === "labels" ? withTable(overlay) : overlay;
  });
});

export function centreOnObject(label: number): void {
  const place = placeOf(label);
  const view = viewer.peek();
  if (!place || !view) return;
  const [y0, x0, y1, x1] = view.visible();
  const zoom = view.camera().zoom;
  // zoom in only when the object would be too small to judge: at least 48 screen pixels
  const wanted = place.size * zoom < 48 ? Math.min(16, 120 / place.size) : undefined;
  const margin = place.size;
  const visible = place.y > y0 + margin && place.y < y1 - margin && place.x > x0 + margin && place.x < x1 - margin;
  if (!visible || wanted !== undefined) view.centreOn(place.y, place.x, wanted);
}

/** Centre on an object so that it fills about a fifth of the view: for review. */
export function zoomOnObject(label: number): void {
  const place = placeOf(label);
  if (place) viewer.peek()?.centreOn(place.y, place.x, Math.min(24, Math.max(0.25, 170 / place.size)));
}

/** Where the cursor was lately with the tool that cuts, and what lay under it. */
let seen: Seen[] = [];

function cut(points: [number, number][]): void {
  const chosen = [...selection.peek()];
  const label = chosen.length === 1 ? (chosen[0] as number) : objectUnder(points, seen, table.peek());
  seen = [];
  if (label > 0) edit({ op: "split", labels: [label], points, radius: 0 });
  else say("No object lies under that line. Select the object first, then draw the line across it.");
}

function connectEvents(view: ViewerControls): (() => void)[] {
  return [
    view.onCursor((next) => {
      cursor.value = next;
      if (tool.peek() === "split") seen = [...seen.slice(-400), { y: next.y, x: next.x, label: next.label }];
    }),
    view.onCamera((next) => (camera.value = next)),
    view.onStroke(sendStroke),
    view.onPick((label, extend) => select(label, extend)),
    view.onShape((name, points, radius) => {
      if (name === "lasso") selectInside(points);
      else if (name === "split") cut(points);
      else if (name === "erase") edit({ op: "erase", labels: [...selection.peek()], points, radius });
      else edit({ op: "draw", labels: [], points, radius });
      if (name === "lasso" || name === "split") resultTool.value = "select";
    }),
  ];
}

/** Give the stage its viewer; returns what takes it away again. */
export function mountViewer(view: ViewerControls): () => void {
  viewer.value = view;
  camera.value = view.camera();
  usePaintScreen({ refresh: (dirty, version) => view.refresh("paint", dirty, version), settle: (id) => view.settle(id) });
  useLearnScreen({ visible: () => view.visible(), refresh: (id, dirty, version) => view.refresh(id, dirty, version), centreOn: (y, x, zoom) => view.centreOn(y, x, zoom) });
  onEdited((dirty, version) => view.refresh("run:labels", dirty, version));
  const imageKey = computed(() => {
    const image = current.value;
    return image ? `${image.id}/${image.status}/${plane.value.t}/${plane.value.z}` : "";
  });
  const stops = [
    effect(() => {
      void imageKey.value;
      const image = current.peek();
      view.setImage(image?.status === "ready" ? image : null, plane.peek());
    }),
    effect(() => view.setChannels(channels.value)),
    effect(() => view.setOverlays(overlays.value)),
    effect(() => view.setMarkers(markers.value)),
    effect(() => view.setTool({
      name: tool.value,
      radius: tab.value === "paint" ? brushRadius.value : editRadius.value,
      classId: currentClass.value?.id ?? 1,
      colour: tab.value === "paint" ? (currentClass.value?.colour ?? "#e69f00") : "#56b4e9",
    })),
    playFrames(view),
    timePreviews(view),
    timePredictions(view),
    ...connectEvents(view),
  ];
  return () => {
    for (const stop of stops) stop();
    viewer.value = null;
    useLearnScreen(null);
    view.destroy();
  };
}

/** Measure the time from a change of a setting to its outlines on screen. */
function timePreviews(view: ViewerControls): () => void {
  let shown: { request: number; exact: boolean } | null = null;
  const stops = [
    effect(() => {
      shown = previewOfCurrent.value;
    }),
    view.onSettled(() => {
      mark("granum:settled");
      if (!shown) return;
      end("granum:preview", shown.request, shown.exact ? "granum:exact" : "granum:preview");
      forget("granum:preview", shown.request);
      shown = null;
    }),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

/** Measure the time from the end of a stroke to the prediction that it changed on screen. */
function timePredictions(view: ViewerControls): () => void {
  let key = "";
  let shown = "";
  const stops = [
    view.onStroke(() => begin("granum:prediction", 0)),
    effect(() => {
      key = predictions.value.shown?.message.key ?? "";
    }),
    view.onSettled(() => {
      if (key === shown) return;
      shown = key;
      end("granum:prediction", 0);
    }),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

/** The next frame comes when the last is on screen, and not sooner than 100 ms after it: none is skipped. */
function playFrames(view: ViewerControls): () => void {
  let timer = 0;
  let shownAt = 0;
  const next = (): void => {
    const image = current.peek();
    if (!playing.peek() || !image || image.n_frames < 2) return;
    window.clearTimeout(timer);
    timer = window.setTimeout(() => {
      shownAt = performance.now();
      setPlane({ t: (plane.peek().t + 1) % image.n_frames });
    }, Math.max(0, 100 - (performance.now() - shownAt)));
  };
  const stops = [view.onSettled(next), effect(() => (playing.value ? next() : window.clearTimeout(timer)))];
  return () => {
    window.clearTimeout(timer);
    for (const stop of stops) stop();
  };
}
