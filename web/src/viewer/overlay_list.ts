/** All overlays in their order: kept by their id, so that a change of looks fetches nothing. */
import type { Camera } from "./camera";
import type { OverlayView } from "./interface";
import type { Layer } from "./layer";
import { OverlayLayer } from "./overlay_layer";
import { PointsLayer } from "./points_layer";
import type { TileCache, TileRequest } from "./tile_cache";

export class OverlayList {
  private layers: Layer[] = [];

  constructor(
    private readonly cache: TileCache,
    /** Address of what a layer calls its own. */
    private readonly address: (url: string) => string,
    /** Draw all overlays at once. */
    private readonly redraw: () => void,
  ) {}

  /** Take over the overlays of a picture; returns whether anything has to be drawn. */
  set(views: OverlayView[], image: string): boolean {
    const order = (layers: { id: string }[]): string => layers.map(({ id }) => id).join("\n");
    let changed = order(this.layers) !== order(views);
    const before = new Map(this.layers.map((layer) => [layer.id, layer]));
    this.layers = views.map((view) => {
      const old = before.get(view.id);
      const points = view.layer.kind === "points";
      if (old && old instanceof PointsLayer === points) {
        before.delete(view.id);
        if (old.update(view, image)) changed = true;
        return old;
      }
      changed = true;
      return points
        ? new PointsLayer(view, this.cache, this.address, this.redraw)
        : new OverlayLayer(view, image, this.cache, this.address, this.redraw);
    });
    for (const gone of before.values()) gone.destroy();
    return changed;
  }

  /** Opacity of the topmost layer of classes. */
  classesOpacity(): number | undefined {
    return this.layers.findLast(({ view }) => view.layer.kind === "classes")?.view.opacity;
  }

  forgetPrevious(): void {
    for (const layer of this.layers) layer.forgetPrevious();
  }

  wanted(camera: Camera): TileRequest[] {
    return this.layers.flatMap((layer) => layer.wanted(camera));
  }

  /** Returns whether everything in view was there. */
  draw(context: CanvasRenderingContext2D, camera: Camera): boolean {
    let complete = true;
    for (const layer of this.layers) if (!layer.draw(context, camera)) complete = false;
    return complete;
  }

  find(id: string): Layer | undefined {
    return this.layers.find((layer) => layer.id === id);
  }

  /** Value at a pixel of the topmost visible overlay of a kind that has one there; strokes lie above what is predicted. */
  topmost(kind: "labels" | "classes", row: number, column: number, camera: Camera): number {
    for (const layer of this.layers.toReversed()) {
      if (!layer.view.visible || layer.view.layer.kind !== kind) continue;
      const value = layer.valueAt(row, column, camera);
      if (value !== 0) return value;
    }
    return 0;
  }

  destroy(): void {
    for (const layer of this.layers) layer.destroy();
    this.layers = [];
  }
}
