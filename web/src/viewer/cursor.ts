/** What is drawn above everything: the circle of the brush, what is being sketched, the pixel grid. */
import type { Camera } from "./camera";
import type { ToolView } from "./interface";
import type { Sketch, Tools } from "./tools";
import type { Point } from "./sweep";

type Context = CanvasRenderingContext2D;

function at(camera: Camera, [y, x]: Point): [number, number] {
  const [sy, sx] = camera.toScreen(y, x);
  return [sx * camera.dpr, sy * camera.dpr];
}

/** A line that is seen on any picture: dark below, coloured above. */
function strokeTwice(context: Context, dpr: number, colour: string, width = 1.5): void {
  context.lineWidth = (width + 2) * dpr;
  context.strokeStyle = "rgba(0, 0, 0, 0.55)";
  context.stroke();
  context.lineWidth = width * dpr;
  context.strokeStyle = colour;
  context.stroke();
}

/** Tools that have a radius. */
function hasRadius(tool: ToolView): boolean {
  return tool.name === "brush" || tool.name === "eraser" || tool.name === "erase";
}

/** The circle of the brush around the pointer (CSS pixels). */
function drawBrush(context: Context, camera: Camera, tool: ToolView, y: number, x: number): void {
  const { dpr } = camera;
  const radius = Math.max(0.5, tool.radius) * camera.scale();
  context.beginPath();
  context.arc(x * dpr, y * dpr, Math.max(radius, 1.5 * dpr), 0, 2 * Math.PI);
  strokeTwice(context, dpr, tool.name === "brush" ? tool.colour : "#ffffff");
  if (radius < 5 * dpr) return;
  // what the colour stands for is told by a dot too: rings of two colours are hard to tell apart when they are thin
  context.beginPath();
  context.arc(x * dpr, y * dpr, 1.5 * dpr, 0, 2 * Math.PI);
  context.fillStyle = tool.name === "brush" ? tool.colour : "#ffffff";
  context.fill();
}

function drawSketch(context: Context, camera: Camera, sketch: Sketch, colour: string): void {
  const { points } = sketch;
  if (points.length === 0) return;
  const { dpr } = camera;
  context.lineJoin = context.lineCap = "round";
  context.setLineDash([]);
  if (sketch.closed && points.length > 2) {
    context.beginPath();
    for (const point of points) context.lineTo(...at(camera, point));
    context.fillStyle = colour;
    context.globalAlpha = 0.15;
    context.fill();
    context.globalAlpha = 1;
    context.beginPath();
    context.moveTo(...at(camera, points.at(-1)!));
    context.lineTo(...at(camera, points[0]!));
    context.setLineDash([4 * dpr, 4 * dpr]);
    strokeTwice(context, dpr, colour, 1);
    context.setLineDash([]);
  }
  context.beginPath();
  for (const point of points) context.lineTo(...at(camera, point));
  strokeTwice(context, dpr, colour);
  if (!sketch.corners) return;
  for (const point of points.slice(0, -1)) {
    const [x, y] = at(camera, point);
    context.beginPath();
    context.arc(x, y, 3 * dpr, 0, 2 * Math.PI);
    context.fillStyle = "#ffffff";
    strokeTwice(context, dpr, colour, 1);
    context.fill();
  }
}

/** The path of an eraser of results, as a pale band. */
function drawBand(context: Context, camera: Camera, points: Point[], radius: number): void {
  context.beginPath();
  for (const point of points) context.lineTo(...at(camera, point));
  if (points.length === 1) context.lineTo(...at(camera, points[0]!));
  context.lineJoin = context.lineCap = "round";
  context.lineWidth = Math.max(1, 2 * Math.max(0.5, radius) * camera.scale());
  context.strokeStyle = "rgba(255, 255, 255, 0.45)";
  context.stroke();
}

/** Everything on the topmost canvas; `pointer` in CSS pixels, null when it is elsewhere. */
export function drawCursor(context: Context, camera: Camera, tools: Tools, pointer: { y: number; x: number } | null): void {
  const { tool } = tools;
  const erasing = tools.erasing();
  if (erasing) drawBand(context, camera, erasing.points, erasing.radius);
  const sketch = tools.sketch();
  if (sketch) drawSketch(context, camera, sketch, tool.colour);
  if (pointer && hasRadius(tool) && !tools.pans) drawBrush(context, camera, tool, pointer.y, pointer.x);
}

/** The mouse pointer: none where the circle of the brush says all. */
export function pointerStyle(tools: Tools, zoom: number): string {
  const { tool } = tools;
  if (tools.panning) return "grabbing";
  if (tools.pans) return "grab";
  if (tool.name === "select") return "default";
  return hasRadius(tool) && tool.radius * zoom >= 3 ? "none" : "crosshair";
}

/** Lines between the pixels of the picture. */
export function drawGrid(context: Context, camera: Camera): void {
  const { y0, x0, y1, x1 } = camera.visible();
  const [top, bottom] = [camera.edgeY(y0), camera.edgeY(y1)];
  const [left, right] = [camera.edgeX(x0), camera.edgeX(x1)];
  context.fillStyle = "rgba(128, 128, 128, 0.35)";
  for (let y = y0; y <= y1; y++) context.fillRect(left, camera.edgeY(y), right - left, 1);
  for (let x = x0; x <= x1; x++) context.fillRect(camera.edgeX(x), top, 1, bottom - top);
}
