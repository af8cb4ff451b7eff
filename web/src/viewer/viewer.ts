/**
 * The viewer: a picture of any size with overlays and tools, on four canvases in layers (picture, overlays, ink, cursor).
 *
 * Nothing is drawn but in an animation frame in which something has changed; the exceptions are the ink under the
 * pointer and the pixels of a stroke, which are drawn the moment they are known. Panning draws finished canvases and
 * colours nothing.
 */
import { address } from "../api/client";
import type { ImageEntry, Stroke } from "../api/types";
import { Camera } from "./camera";
import { drawCursor, drawGrid, pointerStyle } from "./cursor";
import { ImageLayer } from "./image_layer";
import { Ink } from "./ink";
import type { CameraState, ChannelView, Cursor, Marker, OverlayView, Plane, ToolView, ViewerControls } from "./interface";
import { keyAction } from "./keys";
import { routeOf } from "./layer";
import { Listeners } from "./listeners";
import { clipToImage } from "./mosaic";
import { OverlayList } from "./overlay_list";
import { labelColour } from "./palette";
import { drawMarkers } from "./markers";
import { listenToPointers } from "./pointer_input";
import { drawScaleBar, scaleBar } from "./scale_bar";
import { Stack } from "./stack";
import type { Point } from "./sweep";
import { TileCache } from "./tile_cache";
import { Tools, type Shape, type ToolHost } from "./tools";

/** How much of the ink covers what is below, when there is no layer of classes that says so. */
const INK_OPACITY = 0.6;
const NOT_YET = "#17191c";

export interface ViewerOptions {
  fetch?: typeof fetch;
  /** Bytes of raw tiles that are kept. */
  maxBytes?: number;
  /** Address of a route below /api/v1. */
  address?: (path: string) => string;
}

export class Viewer implements ViewerControls {
  private readonly view = new Camera();
  private readonly stack: Stack;
  private readonly cache: TileCache;
  private readonly image: ImageLayer;
  private readonly ink: Ink;
  private readonly tools: Tools;
  private readonly address: (path: string) => string;
  private readonly overlays: OverlayList;
  private plane: Plane = { t: 0, z: 0 };
  private markers: Marker[] = [];
  private pointer: { y: number; x: number } | null = null;
  private stopInput: () => void;

  private frame = 0;
  private stale = { image: true, overlays: true, ink: true, cursor: true };
  private asking = false;
  private moved = false;
  private cursorMoved = false;
  private settling = false;
  private complete = { image: false, overlays: false };

  private readonly cursors = new Listeners<[Cursor]>();
  private readonly cameras = new Listeners<[CameraState]>();
  private readonly strokes = new Listeners<[Stroke]>();
  private readonly picks = new Listeners<[number, boolean]>();
  private readonly shapes = new Listeners<[Shape, Point[], number]>();
  private readonly settled = new Listeners<[]>();

  onCursor = this.cursors.add.bind(this.cursors);
  onCamera = this.cameras.add.bind(this.cameras);
  onStroke = this.strokes.add.bind(this.strokes);
  onPick = this.picks.add.bind(this.picks);
  onShape = this.shapes.add.bind(this.shapes);
  onSettled = this.settled.add.bind(this.settled);

  constructor(private readonly host: HTMLElement, options: ViewerOptions = {}) {
    this.address = options.address ?? address;
    this.cache = new TileCache({ onTile: this.tileCame, fetch: options.fetch, maxBytes: options.maxBytes });
    this.image = new ImageLayer(this.cache, this.address);
    this.overlays = new OverlayList(this.cache, routeOf(this.address), this.drawOverlaysNow);
    this.stack = new Stack(host, this.resized);
    this.ink = new Ink(this.stack.ink);
    this.tools = new Tools(this.toolHost());
    this.stopInput = listenToPointers(host, this.tools, {
      zoomAt: (factor, y, x) => {
        this.view.zoomAt(factor, y, x);
        this.cameraMoved();
      },
      hover: (at) => {
        this.pointer = at;
        this.cursorMoved = true;
        this.redraw("cursor");
      },
    });
    host.addEventListener("keydown", this.keyed);
    host.addEventListener("keyup", this.keyed);
    host.addEventListener("blur", this.released);
    this.stack.measure();
  }

  // ------------------------------------------------------------------------------------------------ what is shown

  setImage(image: ImageEntry | null, plane: Plane): void {
    const other = image?.id !== this.image.entry?.id;
    if (other || plane.t !== this.plane.t || plane.z !== this.plane.z) {
      this.tools.cancel();
      this.ink.clear(this.view);
    }
    this.plane = plane;
    this.image.setImage(image, plane);
    if (other) {
      this.overlays.forgetPrevious();
      this.view.setImage(0, 0);
    }
    const pyramid = this.image.pyramid();
    this.view.setImage(pyramid?.height ?? 0, pyramid?.width ?? 0);
    this.cameraMoved();
  }

  setChannels(channels: ChannelView[]): void {
    if (!this.image.setChannels(channels)) return;
    this.redraw("image");
    this.ask();
    this.cursorMoved = true;
  }

  setOverlays(overlays: OverlayView[]): void {
    if (!this.overlays.set(overlays, this.image.entry?.id ?? "")) return;
    this.stack.ink.style.opacity = String(this.overlays.classesOpacity() ?? INK_OPACITY);
    this.redraw("overlays");
    this.cursorMoved = true;
    this.ask();
  }

  setTool(tool: ToolView): void {
    this.tools.setTool(tool);
    this.showPointer();
    this.redraw("cursor");
  }

  setMarkers(markers: Marker[]): void {
    if (markers.length === 0 && this.markers.length === 0) return;
    this.markers = markers;
    this.redraw("cursor");
  }

  async refresh(overlayId: string, dirty: number[], version: string): Promise<void> {
    const layer = this.overlays.find(overlayId);
    if (!layer) return;
    const done = layer.refresh(dirty, version, this.view);
    this.ask();
    await done;
    this.cursorMoved = true;
    this.schedule();
  }

  settle(strokeId: string): void {
    this.ink.remove(strokeId, this.view);
  }

  // ------------------------------------------------------------------------------------------------ where it looks

  fit(): void {
    this.view.fit();
    this.cameraMoved();
  }

  zoomBy(factor: number): void {
    this.view.zoomTo(this.view.zoom * factor);
    this.cameraMoved();
  }

  zoomTo(zoom: number): void {
    this.view.zoomTo(zoom);
    this.cameraMoved();
  }

  centreOn(y: number, x: number, zoom?: number): void {
    this.view.centreOn(y, x, zoom);
    this.cameraMoved();
  }

  camera(): CameraState {
    const pyramid = this.image.pyramid();
    const level = Math.min(this.view.level(), Math.max(0, (pyramid?.n_levels ?? 1) - 1));
    return { y: this.view.y, x: this.view.x, zoom: this.view.zoom, level };
  }

  visible(): [number, number, number, number] {
    const { y0, x0, y1, x1 } = this.view.visible();
    return [y0, x0, y1, x1];
  }

  labelColour(label: number): string {
    return labelColour(label);
  }

  /** Act on a key, as when the view has the focus; returns whether it meant anything here. */
  handleKey(event: KeyboardEvent): boolean {
    const action = keyAction(event);
    if (!action) return false;
    switch (action.kind) {
      case "hold":
        this.tools.hold(action.held);
        this.showPointer();
        this.redraw("cursor");
        return true;
      case "pan": {
        // where there are frames or planes, arrows step through them, and that is the page's business
        const { n_frames = 1, n_z = 1 } = this.image.entry ?? {};
        if ((action.dx && n_frames > 1) || (action.dy && n_z > 1)) return false;
        this.view.panBy(action.dy, action.dx);
        this.cameraMoved();
        return true;
      }
      case "zoom":
        this.zoomBy(action.factor);
        return true;
      case "fit":
        this.fit();
        return true;
      case "cancel":
        return this.tools.cancel();
      case "close":
        return this.tools.close();
      case "back":
        return this.tools.stepBack();
    }
  }

  destroy(): void {
    cancelAnimationFrame(this.frame);
    this.stopInput();
    this.host.removeEventListener("keydown", this.keyed);
    this.host.removeEventListener("keyup", this.keyed);
    this.host.removeEventListener("blur", this.released);
    this.overlays.destroy();
    this.cache.destroy();
    this.stack.destroy();
  }

  // ------------------------------------------------------------------------------------------------ when it draws

  private redraw(...parts: (keyof Viewer["stale"])[]): void {
    for (const part of parts) this.stale[part] = true;
    this.schedule();
  }

  private schedule(): void {
    if (this.frame === 0) this.frame = requestAnimationFrame(this.drawFrame);
  }

  private cameraMoved(): void {
    this.moved = true;
    this.cursorMoved = true;
    this.redraw("image", "overlays", "ink", "cursor");
    this.ask();
  }

  /** Say which tiles are wanted, once for all that changes in one turn of the page. */
  private ask(): void {
    this.settling = true;
    this.schedule();
    if (this.asking) return;
    this.asking = true;
    queueMicrotask(() => {
      this.asking = false;
      if (this.view.view.width === 0) return;
      const { visible, ahead } = this.image.wanted(this.view);
      this.cache.want([...visible, ...this.overlays.wanted(this.view), ...ahead]);
    });
  }

  private tileCame = (key: string): void => {
    this.cursorMoved = true;
    this.redraw(key.startsWith("image/") ? "image" : "overlays");
  };

  private resized = (height: number, width: number, dpr: number): void => {
    this.view.resize(height, width, dpr);
    this.cameraMoved();
    // changing the size of a canvas empties it, so it is filled again before it can be seen
    this.drawFrame();
  };

  private drawFrame = (): void => {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    if (this.view.view.width === 0) return;
    if (this.stale.image) this.drawImage();
    if (this.stale.overlays) this.drawOverlays();
    if (this.stale.ink) this.ink.redraw(this.view);
    if (this.stale.cursor) this.drawCursor();
    this.stale = { image: false, overlays: false, ink: false, cursor: false };
    if (this.moved) {
      this.moved = false;
      this.cameras.tell(this.camera());
    }
    if (this.cursorMoved) {
      this.cursorMoved = false;
      this.cursors.tell(this.cursor());
    }
    if (this.settling && !this.asking && this.complete.image && this.complete.overlays && this.image.entry) {
      this.settling = false;
      this.settled.tell();
    }
  };

  private drawImage(): void {
    const { context } = this.stack.clear("image");
    if (this.image.pyramid()) {
      context.save();
      clipToImage(context, this.view);
      context.fillStyle = NOT_YET;
      context.fillRect(0, 0, context.canvas.width, context.canvas.height);
      this.complete.image = this.image.draw(context, this.view);
      context.restore();
    } else this.complete.image = true;
  }

  private drawOverlays(): void {
    const { context } = this.stack.clear("overlays");
    this.complete.overlays = true;
    if (!this.image.pyramid()) return;
    context.save();
    clipToImage(context, this.view);
    this.complete.overlays = this.overlays.draw(context, this.view);
    if (this.view.showsGrid()) drawGrid(context, this.view);
    context.restore();
    const room = Math.min(160, this.view.view.width / 4);
    const bar = scaleBar(this.image.entry?.pixel_size ?? null, this.view.zoom, room);
    if (bar) drawScaleBar(context, bar, this.view.dpr);
  }

  private drawOverlaysNow = (): void => {
    if (this.view.view.width === 0) return;
    this.drawOverlays();
    this.stale.overlays = false;
  };

  private drawCursor(): void {
    const { context } = this.stack.clear("cursor");
    if (this.image.pyramid()) drawMarkers(context, this.view, this.markers);
    drawCursor(context, this.view, this.tools, this.image.pyramid() ? this.pointer : null);
    this.showPointer();
  }

  private showPointer(): void {
    const style = pointerStyle(this.tools, this.view.zoom);
    if (this.host.style.cursor !== style) this.host.style.cursor = style;
  }

  // ------------------------------------------------------------------------------------------------ what people do

  private cursor(): Cursor {
    const [y, x] = this.pointer ? this.view.toImage(this.pointer.y, this.pointer.x) : [-1, -1];
    const at = this.pointer ? this.view.pixelAt(y, x) : null;
    return {
      y,
      x,
      inside: at !== null,
      label: at ? this.overlays.topmost("labels", ...at, this.view) : 0,
      classId: at ? this.overlays.topmost("classes", ...at, this.view) : 0,
      tileValues: at ? this.image.valuesAt(...at, this.view) : [],
    };
  }

  private toolHost(): ToolHost {
    return {
      toImage: (y, x) => this.view.toImage(y, x),
      imageSize: () => this.view.image,
      panBy: (dy, dx) => {
        this.view.panBy(dy, dx);
        this.cameraMoved();
      },
      zoomAt: (factor, y, x) => {
        this.view.zoomAt(factor, y, x);
        this.cameraMoved();
      },
      inkBegin: (id, points, radius, kind) => {
        const { tool } = this.tools;
        const colour = tool.name === "eraser" ? "#ffffff" : tool.colour;
        this.ink.begin({ id, kind, points, radius, colour }, this.view);
      },
      inkExtend: (id, points) => this.ink.extend(id, points, this.view),
      inkDrop: (id) => void this.ink.remove(id, this.view),
      stroke: (stroke) => this.strokes.tell({ ...stroke, t: this.plane.t, z: this.plane.z }),
      shape: (tool, points, radius) => this.shapes.tell(tool, points, radius),
      pick: (y, x, extend) => {
        const at = this.view.pixelAt(y, x);
        this.picks.tell(at ? this.overlays.topmost("labels", ...at, this.view) : 0, extend);
      },
      sketchChanged: () => this.redraw("cursor"),
    };
  }

  private keyed = (event: KeyboardEvent): void => {
    // keys that the page has dealt with already are not dealt with twice
    if (!event.defaultPrevented && this.handleKey(event)) event.preventDefault();
  };

  /** Without the focus, the end of a held key is not heard. */
  private released = (): void => {
    this.tools.hold(false);
    this.showPointer();
  };
}
