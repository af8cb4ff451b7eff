/**
 * The tiles of one state of an overlay (one address): read once, painted once per look, with the highlight on a canvas
 * of its own so that moving it paints only the few tiles that hold the label.
 */
import type { LayerInfo } from "../api/types";
import type { Camera } from "./camera";
import { ChannelTable, colourTile } from "./colour";
import { clampLevel, parseKey, TILE, tileKey, tileSize, type TileAddress } from "./geometry";
import type { OverlayView } from "./interface";
import { deviceBox, paintCanvas, touch, trim, type Picture } from "./mosaic";
import { packPixel } from "./palette";
import { HALO, labelIn, paintTile, readClasses, readLabels, screenTile, type LabelTile, type Look } from "./overlays";
import type { Tile } from "./tile_cache";

const KEPT = 96;
/** Below so many screen pixels per pixel of the tile, outlines are drawn on both sides of the borders. */
const WIDE_BELOW = 1.5;

/** How large a tile is on screen, when its outlines have to be drawn for that. */
interface Shown {
  rows: number;
  columns: number;
  wide: boolean;
}

export interface OverlayTile extends Picture {
  /** Null: nothing but zeros, or a picture. */
  labels: LabelTile | null;
  /** Values of a tile of kind "image". */
  values: Uint16Array | null;
  stamp: number;
  /** Size on screen that the canvases are painted for. */
  shown: string;
  brightShown: string;
  bright: HTMLCanvasElement | null;
  brightStamp: number;
}

export class TileSet {
  /** Painted tiles, the least recently used first. */
  private tiles = new Map<string, OverlayTile>();
  private table = new ChannelTable();

  constructor(
    /** Prefix of its tiles in the cache. */
    readonly name: string,
    readonly layer: LayerInfo,
    /** The picture that it belongs to. */
    readonly image: string,
  ) {}

  get halo(): number {
    return this.layer.kind === "image" ? 0 : HALO;
  }

  level(camera: Camera): number {
    return clampLevel(this.layer, camera.level());
  }

  key(at: TileAddress): string {
    return `${this.name}/${tileKey(at)}`;
  }

  peek(at: TileAddress): OverlayTile | undefined {
    return this.tiles.get(tileKey(at));
  }

  /** Keep a tile that was read and painted. */
  set(at: TileAddress, tile: OverlayTile): void {
    touch(this.tiles, tileKey(at), tile);
  }

  delete(at: TileAddress): void {
    this.tiles.delete(tileKey(at));
  }

  /** Addresses of all tiles that are painted. */
  addresses(): TileAddress[] {
    return [...this.tiles.keys()].map(parseKey);
  }

  trim(visible: number): void {
    trim(this.tiles, Math.max(KEPT, 2 * visible));
  }

  /** Read what the server sent; the wrong number of bytes is a failure, never a shifted picture. */
  read(at: TileAddress, tile: Tile): OverlayTile {
    const { kind } = this.layer;
    const blank = { canvas: null, failed: false, labels: null, values: null, stamp: -1, shown: "", brightShown: "", bright: null, brightStamp: -1 };
    if (tile.state === "empty") return blank;
    if (tile.state === "failed") return { ...blank, failed: true };
    const { rows, columns } = tileSize(this.layer, at);
    const pixels = (rows + 2 * this.halo) * (columns + 2 * this.halo);
    const bytes = kind === "labels" ? 4 : kind === "image" ? 2 : 1;
    const fits = tile.rows === rows + 2 * this.halo && tile.columns === columns + 2 * this.halo;
    if (!fits || tile.data.byteLength !== pixels * bytes) return { ...blank, failed: true };
    if (kind === "image") return { ...blank, values: new Uint16Array(tile.data) };
    const read = kind === "labels" ? readLabels : readClasses;
    return { ...blank, labels: read(tile.data, rows, columns) };
  }

  /** Paint a tile for a look and its size on screen, unless it is painted for them already. */
  paint(at: TileAddress, tile: OverlayTile, view: OverlayView, stamp: number, camera: Camera): void {
    if (tile.failed) return;
    const shown = this.shown(at, camera, view.rim ? "outline" : view.style);
    const size = sizeKey(shown);
    if (tile.stamp === stamp && tile.shown === size) return;
    tile.stamp = stamp;
    tile.shown = size;
    const { rows, columns } = tileSize(this.layer, at);
    const { labels, values } = tile;
    const { kind } = this.layer;
    if (labels && (kind === "labels" || kind === "mask" || kind === "classes")) {
      const look = { kind, style: view.style, colours: view.colours, only: view.only, doubtful: view.doubtful, rim: view.rim };
      tile.canvas = this.paintLabels(tile.canvas, labels, look, shown, null);
    } else if (values) {
      this.table.set({ low: view.layer.low, high: view.layer.high, gamma: 1, map: view.map ?? "viridis", colour: "#ffffff" });
      const parts = [{ values, table: this.table }];
      tile.canvas = paintCanvas(tile.canvas, rows, columns, (pixels) => {
        if (view.fade) paintFading(values, view.layer.low, view.layer.high, packPixel(view.fade), pixels);
        else colourTile(parts, pixels);
        return true;
      });
    }
  }

  /** The highlighted labels of a tile, bright; null when it holds none. */
  bright(at: TileAddress, tile: OverlayTile, view: OverlayView, stamp: number, camera: Camera): HTMLCanvasElement | null {
    const { labels } = tile;
    const { kind } = this.layer;
    if (!labels || kind === "points" || kind === "image") return null;
    const shown = this.shown(at, camera, "both");
    const size = sizeKey(shown);
    if (tile.brightStamp === stamp && tile.brightShown === size) return tile.bright;
    tile.brightStamp = stamp;
    tile.brightShown = size;
    const wanted = view.highlight;
    if (!wanted?.size || !labels.labels.some((label) => label !== 0 && wanted.has(label))) return (tile.bright = null);
    const look = { kind, style: "both" as const, colours: view.colours, only: view.only, doubtful: view.doubtful };
    return (tile.bright = this.paintLabels(tile.bright, labels, look, shown, wanted));
  }

  private paintLabels(
    old: HTMLCanvasElement | null, labels: LabelTile, look: Look, shown: Shown | null, among: ReadonlySet<number> | null,
  ): HTMLCanvasElement | null {
    const smaller = shown && (shown.rows < labels.rows || shown.columns < labels.columns);
    const tile = smaller ? screenTile(labels, shown.rows, shown.columns) : labels;
    return paintCanvas(old, tile.rows, tile.columns, (pixels) => paintTile(tile, look, pixels, among, shown?.wide ?? false));
  }

  /** Only lines depend on the size on screen: areas are scaled as pictures are. */
  private shown(at: TileAddress, camera: Camera, style: OverlayView["style"]): Shown | null {
    const scale = camera.scale() * 2 ** at.level;
    const lines = this.layer.kind === "labels" || this.layer.kind === "classes";
    if (!lines || style === "fill" || scale >= WIDE_BELOW) return null;
    const { rows, columns } = tileSize(this.layer, at);
    if (scale >= 1) return { rows, columns, wide: true };
    const box = deviceBox(camera, this.layer, at);
    return { rows: Math.min(rows, Math.max(1, box.bottom - box.top)), columns: Math.min(columns, Math.max(1, box.right - box.left)), wide: true };
  }

  valueAt(y: number, x: number, camera: Camera): number {
    const level = this.level(camera);
    const row = Math.floor(y / 2 ** level);
    const column = Math.floor(x / 2 ** level);
    const at = { level, y: Math.floor(row / TILE), x: Math.floor(column / TILE) };
    const tile = this.peek(at);
    return tile?.labels ? labelIn(tile.labels, row - at.y * TILE, column - at.x * TILE) : 0;
  }
}

/** One colour, the more of it the higher the value; bent a little, so that what is high catches the eye. */
export function paintFading(values: Uint16Array, low: number, high: number, colour: number, pixels: Uint32Array): void {
  const scale = 1 / Math.max(1, high - low);
  for (let i = 0; i < pixels.length; i++) {
    const share = Math.min(1, Math.max(0, (values[i]! - low) * scale));
    pixels[i] = ((Math.round(255 * share ** 1.5) << 24) | (colour & 0xffffff)) >>> 0;
  }
}

function sizeKey(shown: Shown | null): string {
  return shown ? `${shown.rows}x${shown.columns}` : "";
}
