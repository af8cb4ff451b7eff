/** The canvases of the view, one above the other, always as many device pixels as the host has. */

const NAMES = ["image", "overlays", "ink", "cursor"] as const;
export type CanvasName = (typeof NAMES)[number];

export class Stack {
  readonly ink: HTMLCanvasElement;
  private readonly contexts: Record<CanvasName, CanvasRenderingContext2D>;
  private readonly observer: ResizeObserver;

  constructor(
    private readonly host: HTMLElement,
    /** Size in CSS pixels, and device pixels per CSS pixel. */
    private readonly resized: (height: number, width: number, dpr: number) => void,
  ) {
    if (!host.hasAttribute("role")) host.setAttribute("role", "application");
    if (!host.hasAttribute("aria-label")) host.setAttribute("aria-label", "Image");
    if (!host.hasAttribute("tabindex")) host.tabIndex = 0;
    if (getComputedStyle(host).position === "static") host.style.position = "relative";
    host.style.overflow = "hidden";
    host.style.touchAction = "none";
    host.style.userSelect = "none";
    this.contexts = Object.fromEntries(NAMES.map((name) => [name, this.canvas(name)])) as Stack["contexts"];
    this.ink = this.contexts.ink.canvas;
    this.observer = new ResizeObserver((entries) => this.observed(entries));
    try {
      // device pixels, exactly: a canvas that is a fraction of a pixel off is blurred as a whole
      this.observer.observe(host, { box: "device-pixel-content-box" });
    } catch {
      this.observer.observe(host);
    }
  }

  /** Measure now, without waiting for the observer. */
  measure(): void {
    const dpr = window.devicePixelRatio || 1;
    this.take(Math.round(this.host.clientHeight * dpr), Math.round(this.host.clientWidth * dpr), dpr);
  }

  /** The canvas, emptied. */
  clear(name: CanvasName): { context: CanvasRenderingContext2D } {
    const context = this.contexts[name];
    context.clearRect(0, 0, context.canvas.width, context.canvas.height);
    return { context };
  }

  destroy(): void {
    this.observer.disconnect();
    for (const name of NAMES) this.contexts[name].canvas.remove();
  }

  private canvas(name: CanvasName): CanvasRenderingContext2D {
    const canvas = document.createElement("canvas");
    canvas.dataset["layer"] = name;
    canvas.setAttribute("aria-hidden", "true");
    Object.assign(canvas.style, { position: "absolute", inset: "0", width: "100%", height: "100%", pointerEvents: "none" });
    canvas.width = canvas.height = 0;
    this.host.append(canvas);
    const context = canvas.getContext("2d");
    if (!context) throw new Error("the browser gives no 2D canvas");
    return context;
  }

  private observed(entries: ResizeObserverEntry[]): void {
    const entry = entries.at(-1);
    if (!entry) return;
    const dpr = window.devicePixelRatio || 1;
    const exact = entry.devicePixelContentBoxSize?.[0];
    // where the two disagree (the browser shows the page as another device would), the ratio is what pointers go by
    const side = (css: number, device: number | undefined): number =>
      device !== undefined && Math.abs(device - css * dpr) < 1 ? device : Math.round(css * dpr);
    const { height, width } = entry.contentRect;
    this.take(side(height, exact?.blockSize), side(width, exact?.inlineSize), dpr);
  }

  private take(rows: number, columns: number, dpr: number): void {
    const { canvas } = this.contexts.image;
    if (canvas.height === rows && canvas.width === columns) return;
    for (const name of NAMES) {
      this.contexts[name].canvas.height = rows;
      this.contexts[name].canvas.width = columns;
    }
    this.resized(rows / dpr, columns / dpr, dpr);
  }
}
