/** What the viewer asks of everything that it draws over the picture. */
import type { Camera } from "./camera";
import type { OverlayView } from "./interface";
import type { TileRequest } from "./tile_cache";

export interface Layer {
  readonly id: string;
  readonly view: OverlayView;
  /** Take over another look or source; returns whether anything has to be drawn. */
  update(view: OverlayView, image: string): boolean;
  /** The picture is another one: what was kept from before must not be seen on it. */
  forgetPrevious(): void;
  wanted(camera: Camera): TileRequest[];
  /** Returns whether everything in view was there. */
  draw(context: CanvasRenderingContext2D, camera: Camera): boolean;
  /** Value at a pixel; 0 where nothing is. */
  valueAt(y: number, x: number, camera: Camera): number;
  /** Fetch anew what touches a rectangle; resolves when it is ready and `redraw` was called. */
  refresh(dirty: number[], version: string, camera: Camera): Promise<void>;
  destroy(): void;
}

/** Address of a part of a layer, with its version, so that browsers may keep the answer for ever. */
export function layerUrl(url: string, path: string, version: string): string {
  const [base, query] = url.split("?", 2);
  const parts = [query, version ? `v=${encodeURIComponent(version)}` : ""].filter(Boolean);
  return `${base}${path ? `/${path}` : ""}${parts.length ? `?${parts.join("&")}` : ""}`;
}

/** Addresses of layers come from the server as "/api/v1/..."; the page may live below another path. */
export function routeOf(address: (path: string) => string): (url: string) => string {
  const prefix = "/api/v1";
  return (url) => (url.startsWith(`${prefix}/`) ? address(url.slice(prefix.length)) : url);
}
