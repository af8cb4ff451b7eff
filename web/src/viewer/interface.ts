/** What the panels know of the viewer. Plain data in, events out; the viewer holds no state of the project. */
import type { ChannelInfo, ImageEntry, LayerInfo, Stroke } from "../api/types";

export type ColourMap = "grey" | "tint" | "viridis" | "inferno" | "inverted";

/** How one channel is shown; low and high are tile values, 0..65535. */
export interface ChannelView {
  channel: ChannelInfo;
  visible: boolean;
  low: number;
  high: number;
  gamma: number;
  map: ColourMap;
  /** "#rrggbb", for the map "tint". */
  colour: string;
}

export interface Plane {
  t: number;
  z: number;
}

/** One overlay, drawn in the order of the list, the last on top. */
export interface OverlayView {
  id: string;
  layer: LayerInfo;
  visible: boolean;
  opacity: number;
  style: "fill" | "outline" | "both";
  /** For layers of kind "image"; viridis by default. */
  map?: ColourMap;
  /** "#rrggbb": a layer of kind "image" is this colour where values are high, and transparent where they are low. */
  fade?: string;
  /** Class or label -> "#rrggbb"; labels not listed take a colour of the palette. */
  colours?: Record<number, string>;
  /** Labels drawn bright, all others pale; empty: all alike. */
  highlight?: ReadonlySet<number>;
  /** When given, only these labels are drawn (filters). */
  only?: ReadonlySet<number> | null;
  /** Labels drawn thick and vermilion (doubtful splits). */
  doubtful?: ReadonlySet<number>;
  /** Areas of classes get a dark rim, so that they stand out from an overlay in the same colours. */
  rim?: boolean;
}

/** A place to look at: a circle with a number, above everything. */
export interface Marker {
  y: number;
  x: number;
  /** In image pixels. */
  radius: number;
  text: string;
  active: boolean;
}

export type ToolName =
  | "pan" | "brush" | "eraser" | "fill" | "polygon" // painting
  | "select" | "lasso" | "split" | "draw" | "erase"; // results

export interface ToolView {
  name: ToolName;
  /** Radius of brush, eraser and drawing in image pixels. */
  radius: number;
  classId: number;
  colour: string;
}

export interface Cursor {
  y: number;
  x: number;
  /** Whether it is inside the image. */
  inside: boolean;
  /** Label of the topmost labels overlay under it, 0 for none. */
  label: number;
  /** Class under it, 0 for none: the topmost that is painted there, else the one that is predicted. */
  classId: number;
  /** Tile value per channel, null while the tile is on its way. */
  tileValues: (number | null)[];
}

export interface CameraState {
  /** Image point in the middle of the view. */
  y: number;
  x: number;
  /** Screen (CSS) pixels per image pixel. */
  zoom: number;
  /** Level of the tiles that are shown. */
  level: number;
}

/** Everything the viewer tells; each `on...` returns a function that stops it. */
export interface ViewerEvents {
  onCursor(listener: (cursor: Cursor) => void): () => void;
  onCamera(listener: (camera: CameraState) => void): () => void;
  /** A finished act of painting; its ink stays on screen until `settle(id)`. */
  onStroke(listener: (stroke: Stroke) => void): () => void;
  /** A click on an object (0: background) with the tool "select". */
  onPick(listener: (label: number, extend: boolean) => void): () => void;
  /** A finished lasso, cut line, drawing or erasure: points [y, x]. */
  onShape(listener: (tool: "lasso" | "split" | "draw" | "erase", points: [number, number][], radius: number) => void): () => void;
  /** All tiles of the view are on screen. */
  onSettled(listener: () => void): () => void;
}

export interface ViewerControls extends ViewerEvents {
  setImage(image: ImageEntry | null, plane: Plane): void;
  setChannels(channels: ChannelView[]): void;
  setOverlays(overlays: OverlayView[]): void;
  setTool(tool: ToolView): void;
  setMarkers(markers: Marker[]): void;
  /** Fetch the tiles of an overlay anew where [y0, x0, y1, x1] touches them; the old ones stay until the new are there. */
  refresh(overlayId: string, dirty: number[], version: string): Promise<void>;
  /** Take away the local ink of a stroke: its pixels have come from the server, or it was refused. */
  settle(strokeId: string): void;
  fit(): void;
  zoomBy(factor: number): void;
  zoomTo(zoom: number): void;
  centreOn(y: number, x: number, zoom?: number): void;
  camera(): CameraState;
  /** Visible part of the image as [y0, x0, y1, x1]. */
  visible(): [number, number, number, number];
  /** "#rrggbb" of a label in the palette. */
  labelColour(label: number): string;
  destroy(): void;
}
