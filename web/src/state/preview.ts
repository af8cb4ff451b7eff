/** The live preview: coarse while a slider moves, exact when it is let go; the last result stays until the next comes. */
import { batch, computed, signal } from "@preact/signals";
import type { Connection, SocketMessage } from "../api/socket";
import type { LayerInfo, PreviewRequest, PreviewResult } from "../api/types";
import { current } from "./images";
import { announcement } from "./page";
import { answered, ask, broken, counts, emptyLine, type Line } from "./preview_line";
import { channelProblem, inFiles, patterns, planSettled } from "./plan";
import { changed, channelChoice, channelMap, recipe, recipeRequest } from "./recipe";
import { camera, lookOf, plane, previewLevel } from "./view";
import { count } from "./numbers";
import { begin, eventTime } from "./timing";

export const preview = signal<PreviewResult | null>(null);
export const previewProblem = signal("");
/** What the worker is doing, shown only after a second. */
export const previewStep = signal("");
export const previewBusy = signal(false);
/** Whether what is shown is the answer to what was asked last: an older result is never called exact. */
export const previewSettled = signal(true);
/** Plane that the preview belongs to. */
export const previewPlane = signal({ t: 0, z: 0 });

type Ask = Omit<PreviewRequest, "request">;
let line: Line<Ask> = emptyLine<Ask>();
let connection: Connection | null = null;
const planesAsked = new Map<number, { t: number; z: number; level: number }>();
let frame = 0;
/** When the person last changed a setting that was not asked for yet. */
let changedAt = 0;
let busyTimer = 0;

export const previewOfCurrent = computed(() => {
  const result = preview.value;
  return result && result.image === current.value?.id ? result : null;
});
/** Exact for what is on screen now: its table may be shown and published. */
export const exactPreview = computed(() => {
  const result = previewOfCurrent.value;
  const at = previewPlane.value;
  return result?.exact && previewSettled.value && at.t === plane.value.t && at.z === plane.value.z ? result : null;
});

export function usePreviewConnection(socket: Connection): void {
  connection = socket;
}

/**
 * Layers that are looked at, the labels always where the recipe makes some (the classes where it makes only those):
 * other layers only when the last recipe run knew them.
 */
export function wantedLayers(): string[] {
  const written = recipe.value?.steps.flatMap((step) => step.writes) ?? [];
  const main = written.includes("classes") && !written.includes("labels") ? "classes" : "labels";
  const known = preview.value?.layer_names ?? [];
  return [main, ...known.filter((name) => name !== main && lookOf(name).visible)];
}

function build(level: number): Ask | null {
  const image = current.value;
  const info = recipe.value;
  if (!image || image.status !== "ready" || !info || !planSettled.value || channelProblem.value) return null;
  return {
    ...recipeRequest(),
    type: "preview",
    image: image.id,
    t: plane.value.t,
    z: image.n_z > 1 ? plane.value.z : null,
    channels: inFiles.value ? {} : channelMap(info, image, channelChoice.value),
    ...(inFiles.value ? { patterns: patterns.value } : {}),
    level,
    layers: wantedLayers(),
  };
}

function put(step: { line: Line<Ask>; send: Ask | null }): void {
  line = step.line;
  previewSettled.value = step.send === null && line.waiting === null && line.shown === line.sent;
  if (!step.send) return;
  begin("granum:preview", line.sent, changedAt || performance.now());
  changedAt = 0;
  planesAsked.set(line.sent, { t: step.send.t ?? 0, z: step.send.z ?? 0, level: step.send.level ?? 0 });
  if (!connection?.send({ ...step.send, request: line.sent })) {
    line = broken(line);
    return;
  }
  window.clearTimeout(busyTimer);
  busyTimer = window.setTimeout(() => (previewBusy.value = true), 700);
}

/** A setting is moving: ask at the level on screen, once per frame of the display. */
export function askWhileMoving(): void {
  previewSettled.value = false;
  if (frame) return;
  frame = requestAnimationFrame(() => {
    frame = 0;
    const image = current.value;
    const request = image ? build(previewLevel(image, camera.value?.level ?? 0)) : null;
    if (request) put(ask(line, request, false));
  });
}

/** A setting was let go, or something else changed: ask for the exact result. */
export function askExact(): void {
  cancelAnimationFrame(frame);
  frame = 0;
  const request = build(0);
  if (request) put(ask(line, request, true));
  else if (channelProblem.value) clear();
}

/** What another recipe or image has found is not shown where nothing can be found. */
function clear(): void {
  batch(() => {
    preview.value = null;
    previewProblem.value = "";
  });
}

/** A first look at a large image is coarse, the exact result follows by itself. */
export function askBoth(): void {
  const image = current.value;
  if (!image) return;
  const level = recipe.value?.full_size_only ? 0 : previewLevel(image, 0);
  const request = level > 0 ? build(level) : null;
  if (request) put(ask(line, request, true));
  else askExact();
  follow = level > 0;
}

let follow = false;

function settle(request: number): void {
  const step = answered(line, request);
  put(step);
  if (line.open.length > 0) return;
  window.clearTimeout(busyTimer);
  previewBusy.value = false;
  previewStep.value = "";
  if (follow) {
    follow = false;
    askExact();
  }
}

export function takePreviewMessage(message: SocketMessage): void {
  if (message.type === "preview_result") {
    if (counts(line, message.request)) {
      line = { ...line, shown: message.request };
      const at = planesAsked.get(message.request) ?? { t: 0, z: 0 };
      for (const old of planesAsked.keys()) if (old <= message.request) planesAsked.delete(old);
      if (message.image === current.value?.id) {
        batch(() => {
          preview.value = message;
          previewPlane.value = { t: at.t, z: at.z };
          previewProblem.value = "";
          if (message.exact) announcement.value = `${count(message.n_objects, "object")} found.`;
        });
      }
    }
    settle(message.request);
  } else if (message.type === "preview_error") {
    if (message.code !== "dropped" && message.request === line.sent) previewProblem.value = message.message;
    settle(message.request);
  } else if (message.type === "preview_progress") {
    const title = recipe.peek()?.steps.find((step) => step.do === message.name || step.key === message.name)?.title ?? message.name;
    if (message.request === line.sent) previewStep.value = `${title}…`;
  }
}

export function previewConnectionLost(): void {
  line = broken(line);
  previewBusy.value = false;
}

export function layerOf(result: PreviewResult, name: string): LayerInfo | undefined {
  return result.layers.find((layer) => layer.name === name);
}

/** Change settings while dragging, or for good. */
export function changeSettings(next: typeof changed.value, final: boolean): void {
  changed.value = next;
  changedAt = eventTime();
  if (final) askExact();
  else askWhileMoving();
}

