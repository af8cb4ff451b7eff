/**
 * What pointers mean: panning and zooming with every tool, strokes, polygons, clicks and shapes.
 *
 * It knows plain pointer data and tells a `ToolHost`; so it needs no browser in tests. Pressure is ignored. The first
 * finger draws, two fingers pan and zoom; while a pen is down, fingers (the hand) count for nothing.
 */
import type { Stroke } from "../api/types";
import type { ToolView } from "./interface";
import { Path, randomId, thin, MOST_POINTS } from "./path";
import type { Point } from "./sweep";

/** The part of a PointerEvent that counts; `y`, `x` in CSS pixels of the view. */
export interface Pointer {
  id: number;
  kind: "mouse" | "pen" | "touch";
  /** 0 main, 1 middle, 2 secondary. */
  button: number;
  y: number;
  x: number;
  shift: boolean;
  ctrl: boolean;
  time: number;
}

export type Shape = "lasso" | "split" | "draw" | "erase";

export interface ToolHost {
  toImage(screenY: number, screenX: number): Point;
  imageSize(): { height: number; width: number };
  panBy(dy: number, dx: number): void;
  zoomAt(factor: number, screenY: number, screenX: number): void;
  /** Ink of what is being drawn: begun, extended, or dropped. */
  inkBegin(id: string, points: Point[], radius: number, kind: "path" | "area"): void;
  inkExtend(id: string, points: Point[]): void;
  inkDrop(id: string): void;
  stroke(stroke: Pick<Stroke, "id" | "tool" | "class_id" | "radius" | "points">): void;
  shape(tool: Shape, points: Point[], radius: number): void;
  pick(y: number, x: number, extend: boolean): void;
  /** The sketch (polygon, lasso, cut) or the cursor looks different. */
  sketchChanged(): void;
}

/** Lines of what is not finished, drawn over everything. */
export interface Sketch {
  points: Point[];
  closed: boolean;
  corners: boolean;
}

/** CSS pixels that a click may move. */
const CLICK = 4;
/** Milliseconds in which a second finger means that the first was no drawing. */
const PINCH_AFTER = 300;
const DOUBLE_CLICK = 350;

type Act =
  | { kind: "pan"; pointer: number; y: number; x: number }
  /** Not moved yet: a click if it stays so, else it pans. */
  | { kind: "click"; pointer: number; y: number; x: number; start: Pointer }
  | { kind: "stroke"; pointer: number; id: string; path: Path; start: number; tool: ToolView }
  | { kind: "shape"; pointer: number; path: Path; start: number; tool: ToolView & { name: Shape } }
  | { kind: "pinch"; ids: [number, number] }
  /** Fingers that came too late to mean anything. */
  | { kind: "ignored" };

export class Tools {
  tool: ToolView = { name: "pan", radius: 5, classId: 1, colour: "#ffffff" };
  /** The last tool that was not "pan". */
  private drawer: ToolView["name"] = "pan";
  private held = false;
  private act: Act | null = null;
  private pointers = new Map<number, Pointer>();
  private polygon: Path | null = null;
  private lastClick = { time: -Infinity, y: 0, x: 0 };
  private hover: Point | null = null;

  constructor(private readonly host: ToolHost) {}

  setTool(tool: ToolView): void {
    // "pan" may only be a held key: what is not finished waits for its tool to come back
    if (tool.name !== "pan" && tool.name !== this.drawer) {
      this.cancel();
      this.drawer = tool.name;
    }
    this.tool = tool;
  }

  /** While held (Space), every tool pans. */
  hold(held: boolean): void {
    this.held = held;
  }

  get pans(): boolean {
    return this.held || this.tool.name === "pan" || this.act?.kind === "pan";
  }

  get panning(): boolean {
    return this.act?.kind === "pan" || this.act?.kind === "pinch";
  }

  get drawing(): boolean {
    return this.act?.kind === "stroke" || this.act?.kind === "shape" || this.polygon !== null;
  }

  down(pointer: Pointer): void {
    this.pointers.set(pointer.id, pointer);
    if (this.act?.kind === "ignored") return;
    if (pointer.kind === "touch" && this.pointers.size > 1) {
      this.secondFinger(pointer);
      return;
    }
    if (this.act) return;
    const at = this.host.toImage(pointer.y, pointer.x);
    if (pointer.button === 1 || (this.held && pointer.button === 0) || (this.tool.name === "pan" && pointer.button === 0)) {
      this.act = { kind: "pan", pointer: pointer.id, y: pointer.y, x: pointer.x };
    } else if (pointer.button !== 0) {
      return;
    } else {
      this.begin(pointer, at);
    }
    this.host.sketchChanged();
  }

  /** `events`: the points that the browser put together into one event, oldest first, the last being the newest. */
  move(events: Pointer[]): void {
    const pointer = events.at(-1);
    if (!pointer) return;
    const before = this.pointers.get(pointer.id);
    if (before) this.pointers.set(pointer.id, pointer);
    const { act } = this;
    this.hover = this.host.toImage(pointer.y, pointer.x);
    if (this.polygon) this.host.sketchChanged();
    if (!act || act.kind === "ignored") return;
    if (act.kind === "pinch") {
      if (before) this.pinch(act.ids, pointer, before);
      return;
    }
    if (act.pointer !== pointer.id) return;
    if (act.kind === "click" && Math.hypot(pointer.y - act.y, pointer.x - act.x) > CLICK) {
      this.act = { kind: "pan", pointer: pointer.id, y: pointer.y, x: pointer.x };
      this.host.panBy(pointer.y - act.y, pointer.x - act.x);
    } else if (act.kind === "pan") {
      this.host.panBy(pointer.y - act.y, pointer.x - act.x);
      act.y = pointer.y;
      act.x = pointer.x;
    } else if (act.kind === "stroke" || act.kind === "shape") {
      const points = events.map((event) => act.path.add(this.host.toImage(event.y, event.x))).filter((point) => point !== null);
      if (points.length === 0) return;
      if (act.kind === "stroke") this.host.inkExtend(act.id, points);
      else this.host.sketchChanged();
    }
  }

  up(pointer: Pointer): void {
    this.pointers.delete(pointer.id);
    const { act } = this;
    if (!act) return;
    if (act.kind === "pinch" || act.kind === "ignored") {
      // the finger that is left does not begin to draw
      this.act = this.pointers.size ? { kind: "ignored" } : null;
      return;
    }
    if (act.pointer !== pointer.id) return;
    this.act = null;
    if (act.kind === "click") {
      this.click(act.start);
    } else if (act.kind === "stroke") {
      this.finishStroke(act.id, act.tool, act.path);
    } else if (act.kind === "shape") {
      this.finishShape(act.tool.name, act.tool.radius, act.path);
    }
    this.host.sketchChanged();
  }

  /** The browser took the pointer away: nothing that it began counts. */
  lost(id: number): void {
    this.pointers.delete(id);
    if (this.act?.kind === "pinch" || this.act?.kind === "ignored") {
      this.act = this.pointers.size ? { kind: "ignored" } : null;
    } else if (this.act?.pointer === id) this.dropAct();
  }

  /** Escape: drop what is not finished; returns whether there was anything. */
  cancel(): boolean {
    const any = this.drawing;
    this.dropAct();
    this.polygon = null;
    this.host.sketchChanged();
    return any;
  }

  /** Enter: close the polygon; returns whether there was one. */
  close(): boolean {
    const { polygon } = this;
    if (!polygon) return false;
    this.polygon = null;
    if (polygon.points.length >= 3) {
      const id = randomId();
      const points = polygon.thinned();
      this.host.inkBegin(id, points, 0.5, "area");
      this.host.stroke({ id, tool: "polygon", class_id: this.tool.classId, radius: 0.5, points });
    }
    this.host.sketchChanged();
    return true;
  }

  /** Backspace: take the last corner back. */
  stepBack(): boolean {
    if (!this.polygon) return false;
    this.polygon.points.pop();
    if (this.polygon.points.length === 0) this.polygon = null;
    this.host.sketchChanged();
    return true;
  }

  sketch(): Sketch | null {
    if (this.polygon) {
      const points = this.hover ? [...this.polygon.points, this.hover] : this.polygon.points;
      return { points, closed: true, corners: true };
    }
    if (this.act?.kind !== "shape") return null;
    const { name } = this.act.tool;
    return name === "erase" ? null : { points: this.act.path.points, closed: name !== "split", corners: false };
  }

  /** Path and radius of an erasure that goes on. */
  erasing(): { points: Point[]; radius: number } | null {
    return this.act?.kind === "shape" && this.act.tool.name === "erase"
      ? { points: this.act.path.points, radius: this.act.tool.radius }
      : null;
  }

  private begin(pointer: Pointer, at: Point): void {
    const { tool } = this;
    const { height, width } = this.host.imageSize();
    if (!(height > 0 && width > 0)) return;
    switch (tool.name) {
      case "brush":
      case "eraser": {
        const path = new Path(height, width, tool.radius);
        path.add(at);
        const id = randomId();
        this.act = { kind: "stroke", pointer: pointer.id, id, path, start: pointer.time, tool };
        this.host.inkBegin(id, [...path.points], tool.radius, "path");
        return;
      }
      case "lasso":
      case "split":
      case "draw":
      case "erase": {
        const path = new Path(height, width, tool.name === "erase" ? tool.radius : 0);
        path.add(at);
        this.act = { kind: "shape", pointer: pointer.id, path, start: pointer.time, tool: { ...tool, name: tool.name } };
        return;
      }
      default:
        this.act = { kind: "click", pointer: pointer.id, y: pointer.y, x: pointer.x, start: pointer };
    }
  }

  /** A press that was not moved, so two fingers that begin to pinch never fill or pick. */
  private click(pointer: Pointer): void {
    const at = this.host.toImage(pointer.y, pointer.x);
    const { height, width } = this.host.imageSize();
    if (this.tool.name === "polygon") this.corner(pointer, at, height, width);
    else if (this.tool.name === "fill") this.fill(at, height, width);
    else this.host.pick(at[0], at[1], pointer.shift || pointer.ctrl);
  }

  private fill(at: Point, height: number, width: number): void {
    const [y, x] = at;
    if (y < -0.5 || x < -0.5 || y >= height - 0.5 || x >= width - 0.5) return;
    const path = new Path(height, width);
    path.add(at);
    const id = randomId();
    this.host.inkBegin(id, [...path.points], 0.5, "path");
    this.host.stroke({ id, tool: "fill", class_id: this.tool.classId, radius: 0.5, points: path.points });
  }

  /** A click of the polygon: a corner, or with a double click its end. */
  private corner(pointer: Pointer, at: Point, height: number, width: number): void {
    const { lastClick } = this;
    const double =
      pointer.time - lastClick.time < DOUBLE_CLICK &&
      Math.hypot(pointer.y - lastClick.y, pointer.x - lastClick.x) <= CLICK;
    this.lastClick = { time: pointer.time, y: pointer.y, x: pointer.x };
    if (double && this.polygon && this.polygon.points.length >= 3) {
      this.lastClick.time = -Infinity;
      this.close();
      return;
    }
    this.polygon ??= new Path(height, width);
    this.polygon.add(at);
    this.hover = at;
  }

  private finishStroke(id: string, tool: ToolView, path: Path): void {
    const { height, width } = this.host.imageSize();
    const reach = Math.max(0.5, tool.radius);
    const touches = path.points.some(
      ([y, x]) => y > -0.5 - reach && x > -0.5 - reach && y < height - 0.5 + reach && x < width - 0.5 + reach,
    );
    if (!touches) {
      this.host.inkDrop(id);
      return;
    }
    const eraser = tool.name === "eraser";
    this.host.stroke({
      id,
      tool: eraser ? "eraser" : "brush",
      class_id: eraser ? 0 : tool.classId,
      radius: tool.radius,
      points: path.thinned(),
    });
  }

  private finishShape(name: Shape, radius: number, path: Path): void {
    const least = name === "erase" ? 1 : name === "split" ? 2 : 3;
    if (path.points.length < least) return;
    const points = thin(path.points, name === "draw" ? MOST_POINTS - 1 : MOST_POINTS);
    // an outline ends where it began
    if (name === "draw") this.host.shape(name, [...points, [...points[0]!]], 0);
    else this.host.shape(name, points, name === "erase" ? radius : 0);
  }

  /** A second finger: pinch, unless the first has been drawing for a while or a pen is at work. */
  private secondFinger(pointer: Pointer): void {
    const { act } = this;
    const pen = [...this.pointers.values()].some((other) => other.kind === "pen");
    if (pen || (act && (act.kind === "stroke" || act.kind === "shape") && pointer.time - act.start > PINCH_AFTER)) {
      this.pointers.delete(pointer.id);
      return;
    }
    if (act?.kind === "pinch") return;
    this.dropAct();
    const [a, b] = [...this.pointers.keys()];
    if (a !== undefined && b !== undefined) this.act = { kind: "pinch", ids: [a, b] };
  }

  /** One of two fingers has moved: the image points under them stay under them. */
  private pinch(ids: [number, number], moved: Pointer, before: Pointer): void {
    const other = this.pointers.get(ids[0] === moved.id ? ids[1] : ids[0]);
    if (!other || !ids.includes(moved.id)) return;
    const span = (p: Pointer): number => Math.max(10, Math.hypot(p.y - other.y, p.x - other.x));
    this.host.panBy((moved.y - before.y) / 2, (moved.x - before.x) / 2);
    this.host.zoomAt(span(moved) / span(before), (moved.y + other.y) / 2, (moved.x + other.x) / 2);
  }

  private dropAct(): void {
    if (this.act?.kind === "stroke") this.host.inkDrop(this.act.id);
    this.act = null;
    this.host.sketchChanged();
  }
}

/** Zoom factor of a turn of the wheel; `pinch`: two fingers on a touch pad, which the browser reports as ctrl + wheel. */
export function wheelFactor(deltaY: number, deltaMode: number, pinch: boolean): number {
  const pixels = deltaY * (deltaMode === 1 ? 33 : deltaMode === 2 ? 400 : 1);
  const limited = Math.max(-400, Math.min(400, pixels));
  return Math.exp(-limited * (pinch && Math.abs(limited) < 50 ? 0.01 : 0.0018));
}
