/** Keys and what they do; one list serves the handler and the help. */
import type { Tab } from "./page";

export type Action =
  | "brush" | "eraser" | "fill" | "polygon" | "fit" | "smaller" | "larger" | "undo" | "redo" | "overlays" | "zoom_in" | "zoom_out"
  | "left" | "right" | "up" | "down" | "next_doubtful" | "previous_doubtful" | "keys" | "pan" | "delete" | "merge" | "select" | "lasso"
  | "split" | "next_image" | "previous_image" | "prediction" | "uncertainty" | "next_place" | `class_${number}`;

export interface Press {
  key: string;
  ctrl: boolean;
  shift: boolean;
  alt: boolean;
}

/** What a key does on a tab; null when it is not ours. Letters count in either case. */
export function actionOf(press: Press, tab: Tab): Action | null {
  const key = press.key.length === 1 ? press.key.toLowerCase() : press.key;
  if (press.alt) return null;
  if (press.ctrl) {
    if (key === "z") return press.shift ? "redo" : "undo";
    return key === "y" ? "redo" : null;
  }
  if (key >= "1" && key <= "9" && tab === "paint") return `class_${Number(key)}`;
  const everywhere: Record<string, Action> = {
    "?": "keys", o: "overlays", "+": "zoom_in", "=": "zoom_in", "-": "zoom_out", Home: "fit", " ": "pan", "[": "smaller", "]": "larger",
    ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down", PageDown: "next_image", PageUp: "previous_image",
  };
  const onTab: Partial<Record<Tab, Record<string, Action>>> = {
    paint: { b: "brush", e: "eraser", f: "fill", g: "polygon", p: "prediction", u: "uncertainty", n: "next_place" },
    results: {
      n: "next_doubtful", p: "previous_doubtful", f: "fit", v: "select", l: "lasso", x: "split", m: "merge", Delete: "delete", Backspace: "delete",
    },
  };
  return onTab[tab]?.[key] ?? everywhere[key] ?? (key === "f" ? "fit" : null);
}

/** Whether a key typed there belongs to the element, not to the page. */
export function belongsToField(target: EventTarget | null, key: string): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target.closest("dialog[open]")) return true;
  const tag = target.tagName;
  if (tag === "TEXTAREA" || tag === "SELECT") return true;
  const arrows = key.startsWith("Arrow") || key === "Home" || key === "End" || key.startsWith("Page");
  if (tag === "INPUT") {
    const type = (target as HTMLInputElement).type;
    if (type === "range") return arrows;
    return type === "checkbox" || type === "radio" ? arrows || key === " " : true;
  }
  if (target.closest("[data-own-keys]")) return arrows || key === " " || key === "Enter";
  return (tag === "BUTTON" || tag === "SUMMARY" || tag === "A") && (key === " " || key === "Enter");
}

export const KEY_HELP: { title: string; rows: [string, string][] }[] = [
  {
    title: "Image",
    rows: [
      ["Home  F", "fit (while painting Home only)"], ["+  −", "zoom"], ["Space", "hold to move the image"],
      ["← →", "frames, or move the image"], ["↑ ↓", "planes along z, or move"], ["O", "overlays on and off"],
      ["Page ↑ ↓", "previous, next image"],
    ],
  },
  {
    title: "Paint",
    rows: [
      ["B", "brush"], ["E", "eraser"], ["F", "fill"], ["G", "polygon"], ["[  ]", "smaller, larger brush"], ["1 – 9", "class"],
      ["P", "prediction on and off"], ["U", "unsure places on and off"], ["N", "next place to paint"],
      ["Ctrl Z", "undo"], ["Shift Ctrl Z", "redo"],
    ],
  },
  {
    title: "Results",
    rows: [
      ["N  P", "next, previous doubtful split"], ["V", "select"], ["L", "lasso"], ["X", "split by a line"], ["M", "merge the selected"],
      ["Delete", "delete the selected"], ["Ctrl Z", "undo a correction"],
    ],
  },
];
