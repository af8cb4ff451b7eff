/** Painting: classes, strokes on their way, undo, and what others paint on the same plane. */
import { computed, effect, signal } from "@preact/signals";
import { api } from "../api/client";
import { randomId } from "../api/socket";
import type { ClassInfo, PaintAck, PaintState, Stroke } from "../api/types";
import { current } from "./images";
import { Outbox } from "./outbox";
import { attempt, fail, tab } from "./page";
import { plane } from "./view";
import { begin, end } from "./timing";

export const PAINT_LAYER = "scribbles";

export const classes = signal<ClassInfo[]>([]);
export const classId = signal(1);
export const paint = signal<PaintState | null>(null);
export const paintKey = signal("");
export const unsaved = signal({ waiting: 0, late: false });
export const currentClass = computed(() => classes.value.find((one) => one.id === classId.value) ?? classes.value[0] ?? null);
export const classColours = computed(() => Object.fromEntries(classes.value.map((one) => [one.id, one.colour])));
export const wantedPaintKey = computed(() => (current.value?.status === "ready" ? planeKey(current.value.id, plane.value.t, plane.value.z) : ""));

/** What the viewer does for painting. */
export interface PaintScreen {
  refresh(dirty: number[], version: string): Promise<void>;
  settle(strokeId: string): void;
}
let screen: PaintScreen = { refresh: () => Promise.resolve(), settle: () => {} };
/** Newest version that came from this author. */
let ownVersion = 0;
/** Version -> its tiles are on the way; the answer and the message of one stroke may come in either order. */
const arriving = new Map<number, Promise<void>>();

export const outbox = new Outbox<PaintAck>({ state: (waiting, late) => (unsaved.value = { waiting, late }) });

export function usePaintScreen(next: PaintScreen): void {
  screen = next;
}

export function planeKey(image: string, t: number, z: number): string {
  return `${image}/${t}/${z}`;
}

/** What there is to fetch when an answer tells version `next` and `known` is on screen. */
export function missed(known: number, next: number): "nothing" | "this" | "more" {
  return next <= known ? "nothing" : next === known + 1 ? "this" : "more";
}

/** The plane whose state is on its way: what is told of it meanwhile may be newer than the state, and waits. */
let loading = { key: "", done: Promise.resolve() };

export function loadPaint(): Promise<void> {
  loading = { key: wantedPaintKey.value, done: load(wantedPaintKey.value) };
  return loading.done;
}

async function load(key: string): Promise<void> {
  const [image, at] = [current.value, plane.value];
  if (!key || !image) return;
  const state = await attempt(() => api.paint(image.id, PAINT_LAYER, at.t, at.z));
  if (!state || wantedPaintKey.value !== key) return;
  arriving.clear();
  ownVersion = state.version;
  paint.value = state;
  paintKey.value = key;
}

export function followPaint(): () => void {
  return effect(() => {
    if (tab.value === "paint" && wantedPaintKey.value && wantedPaintKey.value !== paintKey.peek()) void loadPaint();
  });
}

let areasTimer = 0;

/** The areas per class follow a little later: nobody waits for them while painting. */
function loadAreas(): void {
  window.clearTimeout(areasTimer);
  areasTimer = window.setTimeout(() => {
    const [key, image, at] = [paintKey.value, current.value, plane.value];
    if (!image || key !== planeKey(image.id, at.t, at.z)) return;
    api.paint(image.id, PAINT_LAYER, at.t, at.z).then((state) => {
      if (paintKey.value === key && paint.value) paint.value = { ...paint.value, areas: state.areas };
    }, () => {}); // the next stroke asks again
  }, 400);
}

/**
 * Bring the screen to the version of an answer or a message; resolves when its tiles are there. What another author can
 * take back says nothing about what you can.
 */
export function takePaint(key: string, ack: PaintAck, own = true): Promise<void> {
  const state = paint.value;
  if (!state || key !== paintKey.value) {
    if (key !== loading.key) return Promise.resolve();
    return loading.done.then(() => (key === paintKey.value ? takePaint(key, ack, own) : undefined));
  }
  const what = missed(state.version, ack.version);
  const mine = own && ack.version >= ownVersion ? { can_undo: ack.can_undo, can_redo: ack.can_redo } : {};
  if (own) ownVersion = Math.max(ownVersion, ack.version);
  if (what === "nothing") {
    // another's later stroke was told before the answer to this one came
    paint.value = { ...state, ...mine };
    return arriving.get(ack.version) ?? Promise.resolve();
  }
  paint.value = { ...state, version: ack.version, n_strokes: ack.n_strokes, ...mine };
  const coming = what === "more" ? catchUp(key, state.version) : ack.dirty.length === 4
    ? screen.refresh(ack.dirty, String(ack.version)) : Promise.resolve();
  arriving.set(ack.version, coming);
  void coming.finally(() => window.setTimeout(() => arriving.delete(ack.version), 10_000)).catch(() => {});
  loadAreas();
  return coming;
}

/** Fetch whatever changed since a version: after messages were missed. */
export async function catchUp(key = paintKey.value, since = paint.value?.version ?? 0): Promise<void> {
  const [image, t, z] = splitKey(key);
  if (!image) return;
  const changes = await api.paintChanges(image, PAINT_LAYER, t, z, since);
  if (key !== paintKey.value) return;
  if (paint.value && changes.version > paint.value.version) paint.value = { ...paint.value, version: changes.version };
  await Promise.all(changes.dirty.map((dirty) => screen.refresh(dirty, String(changes.version))));
}

/** After a reconnection: the pixels by what changed, the rest (undo, areas) anew. */
export async function resyncPaint(): Promise<void> {
  const key = paintKey.value;
  const [image, t, z] = splitKey(key);
  if (!image || !paint.value) return;
  const since = paint.value.version;
  await catchUp(key, since);
  const state = await api.paint(image, PAINT_LAYER, t, z);
  if (key === paintKey.value && paint.value && state.version >= paint.value.version) paint.value = { ...state, layer: paint.value.layer };
}

function splitKey(key: string): [string, number, number] {
  const [image = "", t = "0", z = "0"] = key.split("/");
  return [image, Number(t), Number(z)];
}

/** Send a stroke that the viewer has drawn; its ink stays until its pixels have come, or it is refused. */
export function sendStroke(stroke: Stroke): void {
  const image = current.value;
  if (!image) return;
  const key = planeKey(image.id, stroke.t ?? 0, stroke.z ?? 0);
  begin("granum:stroke", stroke.id);
  outbox.add({
    id: stroke.id,
    send: () => api.stroke(image.id, PAINT_LAYER, stroke),
    done: async (ack) => {
      try {
        await takePaint(key, ack);
      } finally {
        screen.settle(stroke.id);
        end("granum:stroke", stroke.id);
      }
    },
    refused: (error) => {
      screen.settle(stroke.id);
      fail(error);
    },
  });
}

export function paintStep(step: "undo" | "redo"): void {
  const [image, t, z] = splitKey(paintKey.value);
  if (!image) return;
  const [key, id] = [paintKey.value, randomId()];
  outbox.add({
    id,
    send: () => api.paintStep(image, PAINT_LAYER, step, t, z, id),
    done: (ack) => takePaint(key, ack),
    refused: fail,
  });
}

const PALETTE = ["#e69f00", "#56b4e9", "#009e73", "#f0e442", "#d55e00", "#cc79a7", "#0072b2", "#bbbbbb"];

/** The lowest free id, and a colour that is told apart by colour-blind eyes while they last. */
export function nextClass(list: ClassInfo[]): ClassInfo | null {
  const taken = new Set(list.map((one) => one.id));
  for (let id = 1; id <= 255; id++) {
    if (taken.has(id)) continue;
    const colour = PALETTE.find((one) => !list.some((other) => other.colour === one)) ?? PALETTE[(id - 1) % PALETTE.length];
    return { id, name: `Class ${id}`, colour: colour as string };
  }
  return null;
}

let classLine: Promise<void> = Promise.resolve();
let classChanges = 0;

/** Show other classes at once and keep them: one request after the other, or the older list could arrive last and stay. */
export function setClasses(list: ClassInfo[]): Promise<void> {
  const before = classes.value;
  const change = ++classChanges;
  classes.value = list;
  classLine = classLine.then(async () => {
    const saved = await attempt(() => api.setClasses({ classes: list }));
    if (change === classChanges) classes.value = saved ? saved.classes : before;
  });
  return classLine;
}

export async function loadClasses(): Promise<void> {
  classes.value = (await api.classes()).classes;
}
