/**
 * The stroke under the pointer, drawn at once and kept until the server's pixels are there.
 *
 * Enlarged, it is drawn pixel by pixel as the server will paint it; otherwise as a line of the same width. The ink is
 * opaque on a canvas of its own that is transparent as a whole, so that a stroke that crosses itself has one colour.
 */
import type { Camera } from "./camera";
import { sweepSegment, type Point } from "./sweep";

export interface InkStroke {
  id: string;
  kind: "path" | "area";
  points: Point[];
  radius: number;
  colour: string;
}

/** Device pixels per image pixel from which single pixels are drawn. */
const PIXELS_FROM = 2;

export class Ink {
  private strokes = new Map<string, InkStroke>();
  private readonly context: CanvasRenderingContext2D;

  constructor(private readonly canvas: HTMLCanvasElement) {
    const context = canvas.getContext("2d");
    if (!context) throw new Error("the browser gives no 2D canvas");
    this.context = context;
    canvas.style.display = "none";
  }

  get size(): number {
    return this.strokes.size;
  }

  /** Begin a stroke, or take over a whole one. */
  begin(stroke: InkStroke, camera: Camera): void {
    this.strokes.set(stroke.id, stroke);
    this.canvas.style.display = "";
    this.drawStroke(stroke, camera);
  }

  /** Go on with a stroke; only what is new is drawn. */
  extend(id: string, points: Point[], camera: Camera): void {
    const stroke = this.strokes.get(id);
    if (!stroke || points.length === 0) return;
    const from = Math.max(0, stroke.points.length - 1);
    stroke.points.push(...points);
    this.drawPath(stroke, camera, from);
  }

  /** Take strokes away. */
  remove(id: string, camera: Camera): boolean {
    if (!this.strokes.delete(id)) return false;
    this.redraw(camera);
    return true;
  }

  clear(camera: Camera): void {
    this.strokes.clear();
    this.redraw(camera);
  }

  /** Draw everything anew, after the camera has moved. */
  redraw(camera: Camera): void {
    this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.canvas.style.display = this.strokes.size ? "" : "none";
    for (const stroke of this.strokes.values()) this.drawStroke(stroke, camera);
  }

  private drawStroke(stroke: InkStroke, camera: Camera): void {
    if (stroke.kind === "area") this.drawArea(stroke, camera);
    else this.drawPath(stroke, camera, 0);
  }

  private drawArea(stroke: InkStroke, camera: Camera): void {
    const { context } = this;
    context.beginPath();
    for (const [y, x] of stroke.points) context.lineTo(...this.at(y, x, camera));
    context.closePath();
    context.fillStyle = stroke.colour;
    context.fill();
  }

  private drawPath(stroke: InkStroke, camera: Camera, from: number): void {
    if (camera.scale() >= PIXELS_FROM) this.drawPixels(stroke, camera, from);
    else this.drawLine(stroke, camera, from);
  }

  private drawLine(stroke: InkStroke, camera: Camera, from: number): void {
    const { context } = this;
    context.beginPath();
    const first = stroke.points[from];
    if (!first) return;
    context.moveTo(...this.at(first[0], first[1], camera));
    for (let i = from; i < stroke.points.length; i++) {
      const [y, x] = stroke.points[i]!;
      context.lineTo(...this.at(y, x, camera));
    }
    context.lineCap = context.lineJoin = "round";
    context.lineWidth = Math.max(1, 2 * stroke.radius * camera.scale());
    context.strokeStyle = stroke.colour;
    context.stroke();
  }

  private drawPixels(stroke: InkStroke, camera: Camera, from: number): void {
    const { context } = this;
    const { y0, x0, y1, x1 } = camera.visible();
    const radius = stroke.radius;
    context.fillStyle = stroke.colour;
    const run = (y: number, left: number, right: number): void => {
      if (y < y0 || y >= y1 || right < x0 || left >= x1) return;
      const [top, bottom] = [camera.edgeY(y), camera.edgeY(y + 1)];
      const start = camera.edgeX(Math.max(left, x0));
      const end = camera.edgeX(Math.min(right + 1, x1));
      context.fillRect(start, top, end - start, bottom - top);
    };
    const last = stroke.points.length - 1;
    for (let i = from; i < Math.max(from + 1, last); i++) {
      const a = stroke.points[i]!;
      const b = stroke.points[Math.min(i + 1, last)]!;
      if (Math.max(a[0], b[0]) + radius < y0 || Math.min(a[0], b[0]) - radius > y1) continue;
      if (Math.max(a[1], b[1]) + radius < x0 || Math.min(a[1], b[1]) - radius > x1) continue;
      sweepSegment(a, b, radius, run);
    }
  }

  /** Device pixel (x, y) of an image point. */
  private at(y: number, x: number, camera: Camera): [number, number] {
    const [sy, sx] = camera.toScreen(y, x);
    return [sx * camera.dpr, sy * camera.dpr];
  }
}
