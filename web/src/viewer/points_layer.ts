/** An overlay of points: small crosses with a dark rim, the same size at every zoom. */
import type { Camera } from "./camera";
import type { OverlayView } from "./interface";
import { layerUrl, type Layer } from "./layer";
import type { TileCache, TileRequest } from "./tile_cache";

const COLOUR = "#ffde00";
/** Half the length of a cross, in CSS pixels. */
const ARM = 4;

export class PointsLayer implements Layer {
  readonly id: string;
  private points: Float32Array | null = null;
  private pointsOf = "";
  private version: string;
  private flight: AbortController | null = null;

  constructor(
    public view: OverlayView,
    private readonly cache: TileCache,
    private readonly address: (url: string) => string,
    private readonly redraw: () => void,
  ) {
    this.id = view.id;
    this.version = view.layer.version;
  }

  update(view: OverlayView): boolean {
    const old = this.view;
    this.view = view;
    if (old.layer.version !== view.layer.version || old.layer.url !== view.layer.url) this.version = view.layer.version;
    return old !== view;
  }

  forgetPrevious(): void {
    if (this.pointsOf !== this.url()) this.points = null;
  }

  wanted(): TileRequest[] {
    return this.view.visible ? [{ key: this.key(), url: this.url() }] : [];
  }

  draw(context: CanvasRenderingContext2D, camera: Camera): boolean {
    if (!this.view.visible) return true;
    const complete = this.read();
    const { points } = this;
    if (!points) return complete;
    const { y0, x0, y1, x1 } = camera.visible();
    const arm = Math.round(ARM * camera.dpr);
    context.save();
    context.globalAlpha = this.view.opacity;
    context.beginPath();
    for (let i = 0; i + 1 < points.length; i += 2) {
      const y = points[i]!;
      const x = points[i + 1]!;
      if (y < y0 - 1 || y > y1 || x < x0 - 1 || x > x1) continue;
      // half a device pixel more: lines of one pixel are sharp
      const sy = camera.edgeY(y + 0.5) + 0.5;
      const sx = camera.edgeX(x + 0.5) + 0.5;
      context.moveTo(sx - arm, sy);
      context.lineTo(sx + arm, sy);
      context.moveTo(sx, sy - arm);
      context.lineTo(sx, sy + arm);
    }
    context.lineWidth = 3 * camera.dpr;
    context.strokeStyle = "rgba(0, 0, 0, 0.7)";
    context.stroke();
    context.lineWidth = Math.max(1, camera.dpr);
    context.strokeStyle = this.view.colours?.[1] ?? COLOUR;
    context.stroke();
    context.restore();
    return complete;
  }

  valueAt(): number {
    return 0;
  }

  async refresh(_dirty: number[], version: string): Promise<void> {
    this.version = version;
    if (!this.view.visible) return;
    this.flight?.abort();
    const flight = (this.flight = new AbortController());
    const bytes = await this.cache.fetchNow(this.url(), flight.signal);
    if (!bytes) return;
    this.cache.put(this.key(), bytes);
    this.redraw();
  }

  destroy(): void {
    this.flight?.abort();
    this.cache.drop((key) => key.startsWith(`${this.id}@points `));
  }

  private url(): string {
    return layerUrl(this.address(this.view.layer.url), "", this.version);
  }

  private key(): string {
    return `${this.id}@points ${this.url()}`;
  }

  /** Take the points over when they have come; the old ones stay until then. */
  private read(): boolean {
    const url = this.url();
    if (this.pointsOf === url) return true;
    const bytes = this.cache.get(this.key());
    if (!bytes) return false;
    this.pointsOf = url;
    this.points = bytes.state === "ready" ? new Float32Array(bytes.data, 0, Math.floor(bytes.data.byteLength / 8) * 2) : null;
    return true;
  }
}
