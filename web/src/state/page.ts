/** What the page as a whole shows: tab, theme, connection, sentences for people, questions before something is lost. */
import { effect, signal } from "@preact/signals";
import { ApiError } from "../api/client";
import { sentence } from "./numbers";

export type Tab = "tune" | "results" | "paint" | "runs";
export type Theme = "auto" | "dark" | "light";

export interface Toast {
  id: number;
  kind: "error" | "note";
  text: string;
  action?: { label: string; run: () => void } | undefined;
}

export interface Question {
  title: string;
  text: string;
  yes: string;
  run: () => void;
}

export const tab = signal<Tab>(storedTab());
export const theme = signal<Theme>(storedTheme());
/** The image list with names, or thumbnails only. */
export const listOpen = signal(window.innerWidth > 1100);
export const signedOut = signal(false);
/** "first" until the socket was open once, so that the start shows no banner. */
export const connection = signal<"first" | "open" | "lost">("first");
export const toasts = signal<Toast[]>([]);
export const keysShown = signal(false);
export const question = signal<Question | null>(null);
/** Text for the clipboard that the browser did not let us write: shown to be copied by hand. */
export const copyByHand = signal<string | null>(null);
/** Read out politely: counts after a preview, an edit, a filter. */
export const announcement = signal("");

function storedTab(): Tab {
  const stored = sessionStorage.getItem("granum.tab");
  return stored === "results" || stored === "paint" || stored === "runs" ? stored : "tune";
}

/** Remember the tab for when the page is loaded again. */
export function rememberTab(): () => void {
  return effect(() => sessionStorage.setItem("granum.tab", tab.value));
}

function storedTheme(): Theme {
  const stored = localStorage.getItem("granum.theme");
  return stored === "dark" || stored === "light" ? stored : "auto";
}

export function setTheme(next: Theme): void {
  theme.value = next;
  if (next === "auto") localStorage.removeItem("granum.theme");
  else localStorage.setItem("granum.theme", next);
  applyTheme();
}

export function applyTheme(): void {
  if (theme.value === "auto") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme.value;
}

let nextToast = 1;

/** Add a toast; the same text twice stands there once. At most four are kept. */
export function withToast(list: Toast[], toast: Toast): Toast[] {
  return [...list.filter((one) => one.text !== toast.text), toast].slice(-4);
}

export function say(text: string, kind: Toast["kind"] = "note", action?: Toast["action"]): void {
  const toast: Toast = { id: nextToast++, kind, text, action };
  toasts.value = withToast(toasts.value, toast);
  window.setTimeout(() => dismiss(toast.id), kind === "error" ? 12_000 : action ? 9000 : 4000);
}

export function dismiss(id: number): void {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
}

/** Tell what went wrong in the server's own sentence. */
export function fail(error: unknown): void {
  if (error instanceof ApiError) {
    if (error.status === 401 || error.code === "aborted") return;
    say(sentence(error.message), "error");
    return;
  }
  if (error instanceof DOMException && error.name === "AbortError") return;
  console.error(error);
  say("The page itself went wrong here; reloading it loses nothing that was saved.", "error");
}

/** Run something that talks to the server; a failure becomes a toast and undefined. */
export async function attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    fail(error);
    return undefined;
  }
}

export async function copyText(text: string, what: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    say(`${what} copied.`);
  } catch {
    copyByHand.value = text; // no permission, or not a secure address
  }
}
