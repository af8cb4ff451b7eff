/** Places to look at: dashed circles with a number, readable on any picture. */
import type { Camera } from "./camera";
import type { Marker } from "./interface";

const DARK = "rgba(0, 0, 0, 0.75)";
const BRIGHT = "#ffffff";
/** Radius of the smallest circle, and of the number's disc, in CSS pixels. */
const LEAST = 9;
const DISC = 8;

/** Draw all markers, the active one last and with a whole line. */
export function drawMarkers(context: CanvasRenderingContext2D, camera: Camera, markers: readonly Marker[]): void {
  if (markers.length === 0) return;
  const { dpr } = camera;
  context.save();
  context.font = `600 ${10 * dpr}px system-ui, sans-serif`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  for (const marker of [...markers].sort((a, b) => Number(a.active) - Number(b.active))) {
    const [sy, sx] = camera.toScreen(marker.y, marker.x).map((value) => value * dpr) as [number, number];
    const radius = Math.max(LEAST * dpr, marker.radius * camera.scale());
    if (sy < -radius || sx < -radius || sy > context.canvas.height + radius || sx > context.canvas.width + radius) continue;
    context.beginPath();
    context.arc(sx, sy, radius, 0, 2 * Math.PI);
    context.setLineDash([]);
    context.lineWidth = (marker.active ? 5 : 3.5) * dpr;
    context.strokeStyle = DARK;
    context.stroke();
    if (!marker.active) context.setLineDash([5 * dpr, 4 * dpr]);
    context.lineWidth = (marker.active ? 2.5 : 1.5) * dpr;
    context.strokeStyle = BRIGHT;
    context.stroke();
    // the number sits on the circle, not in it: what is to be painted stays free
    const [dy, dx] = [sy - radius * Math.SQRT1_2, sx - radius * Math.SQRT1_2];
    context.setLineDash([]);
    context.beginPath();
    context.arc(dx, dy, DISC * dpr, 0, 2 * Math.PI);
    context.fillStyle = marker.active ? BRIGHT : DARK;
    context.fill();
    context.lineWidth = dpr;
    context.strokeStyle = marker.active ? DARK : BRIGHT;
    context.stroke();
    context.fillStyle = marker.active ? "#000000" : BRIGHT;
    context.fillText(marker.text, dx, dy + 0.5 * dpr);
  }
  context.restore();
}
