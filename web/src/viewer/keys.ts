/** Keys of the view while it has the focus. Letters belong to the page, which has tools on them. */

export type KeyAction =
  | { kind: "hold"; held: boolean }
  | { kind: "pan"; dy: number; dx: number }
  | { kind: "zoom"; factor: number }
  | { kind: "fit" | "cancel" | "close" | "back" };

/** CSS pixels that an arrow moves the view, and ten times less with Shift. */
const STEP = 80;
const ZOOM = 1.5;

export function keyAction(event: Pick<KeyboardEvent, "key" | "type" | "ctrlKey" | "metaKey" | "altKey" | "shiftKey">): KeyAction | null {
  if (event.key === " ") return { kind: "hold", held: event.type !== "keyup" };
  if (event.type === "keyup" || event.ctrlKey || event.metaKey || event.altKey) return null;
  const step = event.shiftKey ? STEP / 10 : STEP;
  switch (event.key) {
    // the view moves where the arrow points, so the picture moves the other way
    case "ArrowUp":
      return { kind: "pan", dy: step, dx: 0 };
    case "ArrowDown":
      return { kind: "pan", dy: -step, dx: 0 };
    case "ArrowLeft":
      return { kind: "pan", dy: 0, dx: step };
    case "ArrowRight":
      return { kind: "pan", dy: 0, dx: -step };
    case "+":
    case "=":
      return { kind: "zoom", factor: ZOOM };
    case "-":
    case "_":
      return { kind: "zoom", factor: 1 / ZOOM };
    case "0":
    case "Home":
      return { kind: "fit" };
    case "Escape":
      return { kind: "cancel" };
    case "Enter":
      return { kind: "close" };
    case "Backspace":
      return { kind: "back" };
    default:
      return null;
  }
}
