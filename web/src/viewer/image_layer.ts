/** The picture: raw tiles of the visible channels become one coloured canvas per tile, made once and drawn often. */
import type { ImageEntry } from "../api/types";
import type { Camera } from "./camera";
import { ChannelTable, colourTile, type Part } from "./colour";
import {
  clampLevel, nearestFirst, tileKey, tilesIn, tileSize, TILE, type Pyramid, type Rect, type TileAddress,
} from "./geometry";
import type { ChannelView, Plane } from "./interface";
import { drawMosaic, paintCanvas, touch, trim, type Picture } from "./mosaic";
import type { TileCache, TileRequest } from "./tile_cache";

/** Coloured tiles that are kept at least, about a megabyte each. */
const KEPT = 96;

interface Coloured extends Picture {
  /** Plane and colours that it was made for. */
  plane: string;
  stamp: number;
}

export class ImageLayer {
  entry: ImageEntry | null = null;
  private plane: Plane = { t: 0, z: 0 };
  private views: ChannelView[] = [];
  private tables = new Map<number, ChannelTable>();
  private coloured = new Map<string, Coloured>();
  /** Grows with every change of the colours. */
  private stamp = 0;
  /** The next frame, fetched ahead while a series plays. */
  private ahead: number | null = null;

  constructor(
    private readonly cache: TileCache,
    /** Address of a route of the server. */
    private readonly address: (path: string) => string,
  ) {}

  setImage(entry: ImageEntry | null, plane: Plane): void {
    const same = entry !== null && this.entry?.id === entry.id;
    if (!same) {
      this.coloured.clear();
      this.ahead = null;
    } else if (plane.t !== this.plane.t) {
      const next = 2 * plane.t - this.plane.t;
      this.ahead = next >= 0 && next < entry.n_frames ? next : null;
    }
    this.entry = entry;
    this.plane = plane;
  }

  /** Returns whether the picture changes. */
  setChannels(views: ChannelView[]): boolean {
    const shown = (list: ChannelView[]): string => list.filter((v) => v.visible).map((v) => v.channel.index).join();
    let changed = shown(views) !== shown(this.views);
    this.views = views;
    for (const view of views) {
      let table = this.tables.get(view.channel.index);
      if (!table) this.tables.set(view.channel.index, (table = new ChannelTable()));
      if (table.set(view) && view.visible) changed = true;
    }
    if (changed) this.stamp++;
    return changed;
  }

  pyramid(): Pyramid | null {
    const entry = this.entry;
    if (!entry || entry.status !== "ready" || !(entry.height > 0 && entry.width > 0)) return null;
    return { height: entry.height, width: entry.width, level: 0, n_levels: entry.n_levels };
  }

  /** Tiles to have, the most wanted first: the whole picture in one tile, what is in view, its surroundings, the next frame. */
  wanted(camera: Camera): { visible: TileRequest[]; ahead: TileRequest[] } {
    const pyramid = this.pyramid();
    if (!pyramid) return { visible: [], ahead: [] };
    const level = clampLevel(pyramid, camera.level());
    const rect = camera.visible();
    const top = tilesIn(pyramid, pyramid.n_levels - 1, { y0: 0, x0: 0, y1: pyramid.height, x1: pyramid.width });
    const near = nearestFirst(tilesIn(pyramid, level, rect), camera.y, camera.x);
    const known = new Set(near.map(tileKey));
    const around = tilesIn(pyramid, level, grow(rect, TILE * 2 ** level)).filter((at) => !known.has(tileKey(at)));
    const { ahead } = this;
    return {
      visible: [...(top.length === 1 ? top : []), ...near].flatMap((at) => this.requests(at, this.plane.t)),
      ahead: [
        ...(ahead === null ? [] : near.flatMap((at) => this.requests(at, ahead))),
        ...nearestFirst(around, camera.y, camera.x).flatMap((at) => this.requests(at, this.plane.t)),
      ],
    };
  }

  /** Returns whether all tiles in view are drawn as they should be. */
  draw(context: CanvasRenderingContext2D, camera: Camera): boolean {
    const pyramid = this.pyramid();
    if (!pyramid) return true;
    const level = clampLevel(pyramid, camera.level());
    const before = this.coloured.size;
    const complete = drawMosaic(context, camera, {
      pyramid,
      level,
      get: (at) => this.tile(at),
      peek: (at) => {
        const found = this.coloured.get(tileKey(at));
        return found && this.isFresh(found) ? found : undefined;
      },
      older: (at) => this.coloured.get(tileKey(at)),
      smoothStandIns: true,
    });
    if (this.coloured.size >= before) trim(this.coloured, Math.max(KEPT, 2 * tilesIn(pyramid, level, camera.visible()).length));
    return complete;
  }

  /** Tile value of every channel at a pixel, from the tiles of the level in view. */
  valuesAt(y: number, x: number, camera: Camera): (number | null)[] {
    const pyramid = this.pyramid();
    if (!pyramid) return this.views.map(() => null);
    const level = clampLevel(pyramid, camera.level());
    const row = Math.floor(y / 2 ** level);
    const column = Math.floor(x / 2 ** level);
    const at = { level, y: Math.floor(row / TILE), x: Math.floor(column / TILE) };
    return this.views.map((view) => {
      const values = this.values(at, view.channel.index);
      if (values === undefined || values === "failed") return null;
      if (values === null) return 0;
      return values[(row - at.y * TILE) * tileSize(pyramid, at).columns + column - at.x * TILE] ?? null;
    });
  }

  private isFresh(tile: Coloured): boolean {
    return tile.stamp === this.stamp && tile.plane === this.planeKey(this.plane.t);
  }

  private planeKey(t: number): string {
    return `image/${this.entry?.id}/${t}/${this.plane.z}`;
  }

  private key(at: TileAddress, channel: number, t: number): string {
    return `${this.planeKey(t)}/${channel}/${tileKey(at)}`;
  }

  private requests(at: TileAddress, t: number): TileRequest[] {
    // the views may still be those of the picture before
    return this.views
      .filter((view) => view.visible && view.channel.index < (this.entry?.channels.length ?? 0))
      .map(({ channel }) => ({
        key: this.key(at, channel.index, t),
        url: this.address(`/images/${this.entry?.id}/tiles/${t}/${channel.index}/${this.plane.z}/${tileKey(at)}`),
      }));
  }

  /** Values of a tile; null: all zero; undefined: not here. */
  private values(at: TileAddress, channel: number): Uint16Array | null | undefined | "failed" {
    const tile = this.cache.get(this.key(at, channel, this.plane.t));
    if (!tile) return undefined;
    if (tile.state === "empty") return null;
    if (tile.state === "failed" || !this.pyramid()) return "failed";
    const size = tileSize(this.pyramid()!, at);
    const fits = tile.rows === size.rows && tile.columns === size.columns;
    return fits && tile.data.byteLength === 2 * size.rows * size.columns ? new Uint16Array(tile.data) : "failed";
  }

  /** The coloured tile, made now if all its channels are here. */
  private tile(at: TileAddress): Coloured | undefined {
    const key = tileKey(at);
    const old = this.coloured.get(key);
    if (old && this.isFresh(old)) {
      touch(this.coloured, key, old);
      return old;
    }
    const parts: Part[] = [];
    let failed = false;
    for (const view of this.views) {
      if (!view.visible || view.channel.index >= (this.entry?.channels.length ?? 0)) continue;
      const values = this.values(at, view.channel.index);
      if (values === undefined) return undefined;
      if (values === "failed") failed = true;
      else parts.push({ values, table: this.tables.get(view.channel.index)! });
    }
    const { rows, columns } = tileSize(this.pyramid()!, at);
    const paint = (pixels: Uint32Array): boolean => (colourTile(parts, pixels), true);
    const made: Coloured = {
      canvas: failed ? null : paintCanvas(old?.canvas ?? null, rows, columns, paint),
      failed,
      plane: this.planeKey(this.plane.t),
      stamp: this.stamp,
    };
    // failures are not remembered here: when the tile comes after all, it is drawn
    if (!failed) touch(this.coloured, key, made);
    return made;
  }
}

function grow(rect: Rect, by: number): Rect {
  return { y0: rect.y0 - by, x0: rect.x0 - by, y1: rect.y1 + by, x1: rect.x1 + by };
}
