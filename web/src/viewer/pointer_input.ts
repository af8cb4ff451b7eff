/** The browser's pointer and wheel events, as the tools want them. */
import { wheelFactor, type Pointer, type Tools } from "./tools";

export interface InputHost {
  zoomAt(factor: number, screenY: number, screenX: number): void;
  /** The pointer is here (CSS pixels), or nowhere. */
  hover(at: { y: number; x: number } | null): void;
}

/** Listen to a view; returns what stops it. */
export function listenToPointers(element: HTMLElement, tools: Tools, host: InputHost): () => void {
  const controller = new AbortController();
  const { signal } = controller;
  let box = element.getBoundingClientRect();
  const read = (event: PointerEvent): Pointer => ({
    id: event.pointerId,
    kind: event.pointerType === "pen" || event.pointerType === "touch" ? event.pointerType : "mouse",
    button: event.button,
    y: event.clientY - box.top,
    x: event.clientX - box.left,
    shift: event.shiftKey,
    ctrl: event.ctrlKey || event.metaKey,
    time: event.timeStamp,
  });

  const on = <K extends keyof HTMLElementEventMap>(name: K, listener: (event: HTMLElementEventMap[K]) => void): void =>
    element.addEventListener(name, listener, { signal, passive: false });

  on("pointerdown", (event) => {
    box = element.getBoundingClientRect();
    const pointer = read(event);
    if (event.button > 1) return;
    event.preventDefault();
    element.focus({ preventScroll: true });
    try {
      element.setPointerCapture(event.pointerId);
    } catch {
      // the pointer is gone already (or made by a script): moves outside of the view are not heard, that is all
    }
    host.hover({ y: pointer.y, x: pointer.x });
    tools.down(pointer);
  });
  on("pointermove", (event) => {
    // without buttons the page may have been scrolled or laid out anew since
    if (event.buttons === 0) box = element.getBoundingClientRect();
    const pointer = read(event);
    const together = event.getCoalescedEvents?.() ?? [];
    host.hover({ y: pointer.y, x: pointer.x });
    tools.move(together.length > 1 ? together.map(read) : [pointer]);
  });
  on("pointerup", (event) => {
    tools.up(read(event));
    if (event.pointerType === "touch") host.hover(null);
  });
  on("pointercancel", (event) => tools.lost(event.pointerId));
  on("lostpointercapture", (event) => tools.lost(event.pointerId));
  on("pointerleave", () => host.hover(null));
  // the middle button would scroll, a long touch would open a menu
  on("mousedown", (event) => {
    if (event.button === 1) event.preventDefault();
  });
  on("contextmenu", (event) => event.preventDefault());
  on("wheel", (event) => {
    event.preventDefault();
    box = element.getBoundingClientRect();
    const factor = wheelFactor(event.deltaY, event.deltaMode, event.ctrlKey);
    if (factor !== 1) host.zoomAt(factor, event.clientY - box.top, event.clientX - box.left);
  });
  return () => controller.abort();
}
