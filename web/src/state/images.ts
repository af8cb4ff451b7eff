/** The images of the project, which one is looked at, and what is on its way up. */
import { batch, computed, effect, signal } from "@preact/signals";
import { api, ApiError, upload } from "../api/client";
import type { ImageEntry, PixelSizeInfo, Project } from "../api/types";
import { attempt, fail, listOpen, say } from "./page";
import { shortNumber, unitText } from "./numbers";

export interface Upload {
  id: number;
  name: string;
  share: number;
  abort: AbortController;
  /** Why it was not added; it stays in the list until it was read. */
  error: string;
}

export const project = signal<Project | null>(null);
export const images = signal<ImageEntry[]>([]);
/** False until the first list has come, so that "no images" is never said too early. */
export const imagesKnown = signal(false);
export const currentId = signal<string | null>(null);
export const filterText = signal("");
export const uploads = signal<Upload[]>([]);

export const current = computed(() => images.value.find((image) => image.id === currentId.value) ?? null);
export const filtered = computed(() => filterImages(images.value, filterText.value));
export const ready = computed(() => images.value.filter((image) => image.status === "ready"));

const byName = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

/** Put new and changed entries into the list and take the removed out; sorted as people count. */
export function mergeImages(list: ImageEntry[], changed: ImageEntry[], removed: string[] = []): ImageEntry[] {
  const all = new Map(list.map((image) => [image.id, image]));
  for (const image of changed) all.set(image.id, image);
  for (const id of removed) all.delete(id);
  return [...all.values()].sort((a, b) => byName.compare(a.name, b.name));
}

export function filterImages(list: ImageEntry[], text: string): ImageEntry[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return list.filter((image) => words.every((word) => image.name.toLowerCase().includes(word)));
}

export function pixelSizeText(size: PixelSizeInfo | null | undefined): string {
  if (!size) return "no pixel size";
  const unit = unitText(size.unit);
  if (size.x === size.y) return `${shortNumber(size.x)} ${unit}/px`;
  return `${shortNumber(size.y)} × ${shortNumber(size.x)} ${unit}/px`;
}

export function sizeText(image: ImageEntry): string {
  const parts = [`${image.width} × ${image.height}`];
  if (image.channels.length > 1) parts.push(image.colour ? "colour" : `${image.channels.length} channels`);
  if (image.n_frames > 1) parts.push(`${image.n_frames} frames`);
  if (image.n_z > 1) parts.push(`${image.n_z} planes`);
  return parts.join(" · ");
}

/**
 * The image to look at when the list changes. A file goes by a provisional id until it is hashed, so one whose id is gone
 * is looked for by its name; else the first that is ready takes its place.
 */
export function keepCurrent(list: ImageEntry[], id: string | null, before: ImageEntry[] = []): string | null {
  if (id !== null && list.some((image) => image.id === id)) return id;
  const name = before.find((image) => image.id === id)?.name;
  const same = name === undefined ? undefined : list.find((image) => image.name === name);
  return (same ?? list.find((image) => image.status === "ready") ?? list[0])?.id ?? null;
}

/** Show a new list and stay at the image that is looked at. */
function show(list: ImageEntry[]): void {
  const before = images.value;
  batch(() => {
    images.value = list;
    currentId.value = keepCurrent(list, currentId.value, before);
  });
}

export function takeImages(changed: ImageEntry[], removed: string[] = []): void {
  show(mergeImages(images.value, changed, removed));
}

const LAST_IMAGE = "granum.image";

export async function loadImages(): Promise<void> {
  const list = await api.images();
  const first = !imagesKnown.peek();
  batch(() => {
    imagesKnown.value = true;
    // a page that is loaded again stays at its image
    const last = sessionStorage.getItem(LAST_IMAGE);
    if (first && currentId.peek() === null && list.images.some((image) => image.id === last)) currentId.value = last;
    show(mergeImages([], list.images));
  });
}

/** Remember the image for when the page is loaded again. */
export function rememberImage(): () => void {
  return effect(() => {
    if (currentId.value !== null) sessionStorage.setItem(LAST_IMAGE, currentId.value);
  });
}

export function stepImage(by: number): void {
  const list = filtered.value;
  const at = list.findIndex((image) => image.id === currentId.value);
  const next = list[Math.min(list.length - 1, Math.max(0, at + by))];
  if (next) currentId.value = next.id;
}

export async function addSample(): Promise<void> {
  const added = await attempt(() => api.addSample());
  if (!added) return;
  takeImages([added.image]);
  currentId.value = added.image.id;
}

export async function removeImage(image: ImageEntry): Promise<void> {
  await attempt(async () => {
    await api.removeImage(image.id);
    takeImages([], [image.id]);
  });
}

let nextUpload = 1;
let line: Promise<void> = Promise.resolve();

/** Upload files one after the other; the first new one of them is opened, so that the view does not jump from file to file. */
export function uploadFiles(files: Iterable<File>): void {
  if (project.value?.read_only) {
    say(project.value.read_only_reason || "This project is read-only, so nothing can be added.", "error");
    return;
  }
  const batchOf = { opened: false };
  for (const file of files) {
    const entry: Upload = { id: nextUpload++, name: file.name, share: 0, abort: new AbortController(), error: "" };
    uploads.value = [...uploads.value, entry];
    line = line.then(() => sendFile(file, entry, batchOf));
  }
}

function changeUpload(id: number, change: Partial<Upload>): void {
  uploads.value = uploads.value.map((one) => (one.id === id ? { ...one, ...change } : one));
}

/** Take an upload out of the list, and stop it when it is on its way. */
export function dropUpload(one: Upload): void {
  one.abort.abort();
  uploads.value = uploads.value.filter((other) => other.id !== one.id);
}

/** The reason alone: the name stands beside it. */
export function reasonOf(error: unknown, name: string): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.startsWith(`${name}: `) ? text.slice(name.length + 2) : text;
}

async function sendFile(file: File, entry: Upload, batchOf: { opened: boolean }): Promise<void> {
  if (entry.abort.signal.aborted) return;
  try {
    const done = await upload(file, (share) => changeUpload(entry.id, { share }), entry.abort.signal);
    takeImages([done.image]);
    const { name } = done.image;
    if (done.duplicate) say(name === file.name ? `${name} is here already.` : `${file.name} is here already, as ${name}.`);
    if (!batchOf.opened) currentId.value = done.image.id;
    batchOf.opened = true;
    dropUpload(entry);
  } catch (error) {
    if (entry.abort.signal.aborted) dropUpload(entry);
    else if (error instanceof ApiError && error.status !== 401) {
      changeUpload(entry.id, { error: reasonOf(error, file.name) });
      if (!listOpen.peek()) fail(error); // a narrow list has no room for sentences
    }
    else {
      dropUpload(entry);
      fail(error);
    }
  }
}

export async function setPixelSize(text: string | null): Promise<boolean> {
  const changed = await attempt(() => api.changeProject({ pixel_size: text }));
  if (changed) project.value = changed;
  return changed !== undefined;
}

export async function setInterval_s(seconds: number | null): Promise<boolean> {
  const changed = await attempt(() => api.changeProject({ interval_s: seconds }));
  if (changed) project.value = changed;
  return changed !== undefined;
}
