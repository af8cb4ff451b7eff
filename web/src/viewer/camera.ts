/**
 * Where the view looks: image pixels <-> CSS pixels of the screen <-> device pixels of the canvas.
 *
 * Pixel centres are integers, so the first pixel covers -0.5..0.5. All edges that are drawn are rounded to device
 * pixels by `edge...`: neighbouring tiles share the rounded edge, so there are no seams at any zoom, and at 1:1 a
 * picture pixel is exactly a device pixel.
 */
import type { Rect } from "./geometry";

export interface Size {
  height: number;
  width: number;
}

/** Screen pixels per image pixel that nobody needs more of. */
export const MAX_ZOOM = 64;
/** How small the picture may become, as a part of the zoom that fits. */
const MIN_OF_FIT = 0.5;

export class Camera {
  /** Image point in the middle of the view. */
  y = 0;
  x = 0;
  /** CSS pixels per image pixel. */
  zoom = 1;
  /** Size of the view in CSS pixels. */
  view: Size = { height: 0, width: 0 };
  /** Device pixels per CSS pixel. */
  dpr = 1;
  image: Size = { height: 0, width: 0 };
  /** The view fits the picture and goes on to do so when its size changes. */
  fitted = true;

  /** Take the size of the view; the point in its middle stays there. */
  resize(height: number, width: number, dpr: number): void {
    this.view = { height, width };
    this.dpr = dpr;
    if (this.fitted) this.fit();
    else this.limit();
  }

  /** Look at another picture; a picture of the same size keeps the view. */
  setImage(height: number, width: number): void {
    if (height === this.image.height && width === this.image.width) return;
    this.image = { height, width };
    this.fit();
  }

  /** Zoom at which the whole picture is in view. */
  fitZoom(): number {
    const { height, width } = this.image;
    if (!(height > 0 && width > 0 && this.view.height > 0 && this.view.width > 0)) return 1;
    return Math.min(this.view.height / height, this.view.width / width, MAX_ZOOM);
  }

  minZoom(): number {
    return Math.min(1, this.fitZoom()) * MIN_OF_FIT;
  }

  fit(): void {
    this.zoom = this.fitZoom();
    this.y = (this.image.height - 1) / 2;
    this.x = (this.image.width - 1) / 2;
    this.fitted = true;
  }

  /** Zoom by a factor; the image point under the screen point (CSS pixels) stays under it. */
  zoomAt(factor: number, screenY: number, screenX: number): void {
    if (!(factor > 0) || !Number.isFinite(factor)) return;
    const [y, x] = this.toImage(screenY, screenX);
    this.zoom = this.clampZoom(this.zoom * factor);
    this.y = y - (screenY - this.view.height / 2) / this.zoom;
    this.x = x - (screenX - this.view.width / 2) / this.zoom;
    this.fitted = false;
    this.limit();
  }

  zoomTo(zoom: number): void {
    this.zoomAt(zoom / this.zoom, this.view.height / 2, this.view.width / 2);
  }

  /** Move the picture along with the pointer, by CSS pixels. */
  panBy(dy: number, dx: number): void {
    this.y -= dy / this.zoom;
    this.x -= dx / this.zoom;
    this.fitted = false;
    this.limit();
  }

  centreOn(y: number, x: number, zoom?: number): void {
    if (zoom !== undefined && zoom > 0 && Number.isFinite(zoom)) this.zoom = this.clampZoom(zoom);
    if (Number.isFinite(y) && Number.isFinite(x)) [this.y, this.x] = [y, x];
    this.fitted = false;
    this.limit();
  }

  /** Image point (pixel centres are integers) under a point of the screen. */
  toImage(screenY: number, screenX: number): [number, number] {
    return [
      this.y + (screenY - this.view.height / 2) / this.zoom,
      this.x + (screenX - this.view.width / 2) / this.zoom,
    ];
  }

  /** Point of the screen, in CSS pixels, where an image point is. */
  toScreen(y: number, x: number): [number, number] {
    return [
      (y - this.y) * this.zoom + this.view.height / 2,
      (x - this.x) * this.zoom + this.view.width / 2,
    ];
  }

  /** Row and column of the pixel at an image point, null outside of the picture. */
  pixelAt(y: number, x: number): [number, number] | null {
    const [row, column] = [Math.floor(y + 0.5), Math.floor(x + 0.5)];
    const { height, width } = this.image;
    return row >= 0 && column >= 0 && row < height && column < width ? [row, column] : null;
  }

  /** Device pixels per image pixel. */
  scale(): number {
    return this.zoom * this.dpr;
  }

  /** Device row of a picture edge; edge v lies between the pixels v-1 and v. */
  edgeY(v: number): number {
    return Math.round((v - 0.5 - this.y) * this.scale() + (this.view.height * this.dpr) / 2);
  }

  /** Device column of a picture edge. */
  edgeX(v: number): number {
    return Math.round((v - 0.5 - this.x) * this.scale() + (this.view.width * this.dpr) / 2);
  }

  /** Visible part of the picture in whole pixels; empty when nothing is. */
  visible(): Rect {
    const [top, left] = this.toImage(0, 0);
    const [bottom, right] = this.toImage(this.view.height, this.view.width);
    const low = (v: number, side: number): number => Math.max(0, Math.min(side, Math.floor(v + 0.5)));
    const high = (v: number, side: number): number => Math.max(0, Math.min(side, Math.ceil(v + 0.5)));
    const { height, width } = this.image;
    return { y0: low(top, height), x0: low(left, width), y1: high(bottom, height), x1: high(right, width) };
  }

  /** Level whose pixels are at most a device pixel large, but more than half of one; 0 when zoomed in. */
  level(): number {
    const scale = this.scale();
    // the small number: 2**-n computed by division may come out a hair below
    return scale >= 1 || !(scale > 0) ? 0 : Math.floor(Math.log2(1 / scale) + 1e-9);
  }

  /** Lines between the pixels help when a pixel is as large as this. */
  showsGrid(): boolean {
    return this.zoom >= 16;
  }

  private clampZoom(zoom: number): number {
    return Math.max(this.minZoom(), Math.min(zoom, MAX_ZOOM));
  }

  /** Keep the zoom within its limits and the middle of the view on the picture. */
  private limit(): void {
    this.zoom = this.clampZoom(this.zoom);
    this.y = Math.max(-0.5, Math.min(this.y, this.image.height - 0.5));
    this.x = Math.max(-0.5, Math.min(this.x, this.image.width - 0.5));
  }
}
