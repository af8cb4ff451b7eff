/**
 * The tiles of one state of an overlay (one address): read once, painted once per look, with the highlight on a canvas
 * of its own so that moving it paints only the few tiles that hold the label.
 */
import type { LayerInfo } from "../api/types";
import type { Camera } from "./camera";
import { ChannelTable, colourTile } from "./colour";
import { clampLevel, parseKey, TILE, tileKey, tileSize, type TileAddress } from "./geometry";
import type { OverlayView } from "./interface";
import { paintCanvas, touch, trim, type Picture } from "./mosaic";
import { HALO, labelIn, paintTile, readClasses, readLabels, type LabelTile } from "./overlays";
import type { Tile } from "./tile_cache";

const KEPT = 96;

export interface OverlayTile extends Picture {
  /** Null: nothing but zeros, or a picture. */
  labels: LabelTile | null;
  /** Values of a tile of kind "image". */
  values: Uint16Array | null;
  stamp: number;
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
    const blank = { canvas: null, failed: false, labels: null, values: null, stamp: -1, bright: null, brightStamp: -1 };
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

  /** Paint a tile for a look, unless it is painted for it already. */
  paint(at: TileAddress, tile: OverlayTile, view: OverlayView, stamp: number): void {
    if (tile.stamp === stamp || tile.failed) return;
    tile.stamp = stamp;
    const { rows, columns } = tileSize(this.layer, at);
    const { labels, values } = tile;
    const { kind } = this.layer;
    if (labels && (kind === "labels" || kind === "mask" || kind === "classes")) {
      const look = { kind, style: view.style, colours: view.colours, only: view.only, doubtful: view.doubtful };
      tile.canvas = paintCanvas(tile.canvas, rows, columns, (pixels) => paintTile(labels, look, pixels));
    } else if (values) {
      this.table.set({ low: view.layer.low, high: view.layer.high, gamma: 1, map: view.map ?? "viridis", colour: "#ffffff" });
      const parts = [{ values, table: this.table }];
      tile.canvas = paintCanvas(tile.canvas, rows, columns, (pixels) => (colourTile(parts, pixels), true));
    }
  }

  /** The highlighted labels of a tile, bright; null when it holds none. */
  bright(at: TileAddress, tile: OverlayTile, view: OverlayView, stamp: number): HTMLCanvasElement | null {
    const { labels } = tile;
    const { kind } = this.layer;
    if (!labels || kind === "points" || kind === "image") return null;
    if (tile.brightStamp === stamp) return tile.bright;
    tile.brightStamp = stamp;
    const wanted = view.highlight;
    if (!wanted?.size || !labels.labels.some((label) => label !== 0 && wanted.has(label))) return (tile.bright = null);
    const { rows, columns } = tileSize(this.layer, at);
    const look = { kind, style: "both" as const, colours: view.colours, only: view.only, doubtful: view.doubtful };
    return (tile.bright = paintCanvas(tile.bright, rows, columns, (pixels) => paintTile(labels, look, pixels, wanted)));
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
