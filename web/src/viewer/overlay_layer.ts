/**
 * One overlay made of tiles. When its address changes (a new preview), what was shown stays until the new tiles of the
 * view are here and is swapped in one frame. After a stroke only the tiles that it touched are fetched, past the queue.
 */
import type { Camera } from "./camera";
import { nearestFirst, parseKey, tileKey, tilesIn, type Rect, type TileAddress } from "./geometry";
import type { OverlayView } from "./interface";
import { layerUrl, type Layer } from "./layer";
import { drawMosaic } from "./mosaic";
import type { Tile, TileCache, TileRequest } from "./tile_cache";
import { TileSet, type OverlayTile } from "./tile_set";

/** How pale everything is that is not highlighted. */
const PALE = 0.3;

/** Tiles of one refresh: shown together, when the last one is here. */
interface Group {
  sequence: number;
  keys: string[];
  waiting: Map<string, TileAddress>;
  done: () => void;
}

export class OverlayLayer implements Layer {
  readonly id: string;
  view: OverlayView;
  private current: TileSet;
  private previous: TileSet | null = null;
  private version: string;
  private generation = 0;
  /** Grows when tiles must be painted anew, or their highlight. */
  private stamp = 0;
  private brightStamp = 0;
  private sequence = 0;
  private groups = new Set<Group>();
  /** New tiles that wait for the others of their group, and the refresh that each tile was last fetched for. */
  private staged = new Map<string, OverlayTile>();
  private fetchedFor = new Map<string, number>();
  private flights = new Set<AbortController>();

  constructor(
    view: OverlayView,
    image: string,
    private readonly cache: TileCache,
    private readonly address: (url: string) => string,
    /** Draw all overlays at once: new pixels must not wait for a timer. */
    private readonly redraw: () => void,
  ) {
    this.id = view.id;
    this.view = view;
    this.version = view.layer.version;
    this.current = new TileSet(this.name(), view.layer, image);
  }

  update(view: OverlayView, image: string): boolean {
    const old = this.view;
    this.view = view;
    const source = old.layer.url !== view.layer.url || old.layer.kind !== view.layer.kind || old.layer.level !== view.layer.level;
    // a version that `refresh` has brought already is nothing new
    const newer = old.layer.version !== view.layer.version && view.layer.version !== this.version;
    if (source || newer) this.replace(image);
    const repaint =
      old.style !== view.style || old.map !== view.map || !old.rim !== !view.rim || old.fade !== view.fade || old.layer.low !== view.layer.low ||
      old.layer.high !== view.layer.high || !sameColours(old.colours, view.colours) ||
      !sameSet(old.only, view.only) || !sameSet(old.doubtful, view.doubtful);
    if (repaint) this.stamp++;
    const bright = repaint || !sameSet(old.highlight, view.highlight);
    if (bright) this.brightStamp++;
    return source || newer || bright || old.visible !== view.visible || old.opacity !== view.opacity;
  }

  forgetPrevious(): void {
    this.dropPrevious();
  }

  wanted(camera: Camera): TileRequest[] {
    if (!this.view.visible) return [];
    const tiles = tilesIn(this.current.layer, this.current.level(camera), camera.visible());
    return nearestFirst(tiles, camera.y, camera.x)
      // what a refresh is fetching must not be fetched twice
      .filter((at) => !this.isAwaited(tileKey(at)))
      .map((at) => ({ key: this.current.key(at), url: this.url(at) }));
  }

  draw(context: CanvasRenderingContext2D, camera: Camera): boolean {
    if (!this.view.visible) return true;
    const visible = tilesIn(this.current.layer, this.current.level(camera), camera.visible());
    let complete = true;
    for (const at of visible) if (!this.tile(this.current, at, camera)) complete = false;
    if (complete) this.dropPrevious();
    const set = this.previous ?? this.current;
    const lit = !!this.view.highlight?.size;
    context.save();
    context.globalAlpha = this.view.opacity * (lit ? PALE : 1);
    const mosaic = {
      pyramid: set.layer,
      level: set.level(camera),
      get: (at: TileAddress) => this.tile(set, at, camera),
      peek: (at: TileAddress) => set.peek(at),
      smoothStandIns: set.layer.kind === "image",
    };
    drawMosaic(context, camera, mosaic);
    if (lit) {
      context.globalAlpha = this.view.opacity;
      const bright = (at: TileAddress) => {
        const tile = this.tile(set, at, camera);
        return tile && { canvas: set.bright(at, tile, this.view, this.brightStamp, camera), failed: false };
      };
      drawMosaic(context, camera, { ...mosaic, get: bright, peek: () => undefined });
    }
    context.restore();
    set.trim(visible.length);
    return complete;
  }

  valueAt(y: number, x: number, camera: Camera): number {
    return this.view.visible ? (this.previous ?? this.current).valueAt(y, x, camera) : 0;
  }

  refresh(dirty: number[], version: string, camera: Camera): Promise<void> {
    this.version = version;
    const [y0, x0, y1, x1] = dirty;
    if (y0 === undefined || x0 === undefined || y1 === undefined || x1 === undefined || y1 <= y0 || x1 <= x0) {
      return Promise.resolve();
    }
    const set = this.current;
    const level = set.level(camera);
    const rect = { y0, x0, y1, x1 };
    const seen = new Set(tilesIn(set.layer, level, camera.visible()).map(tileKey));
    const tiles = this.view.visible
      ? tilesIn(set.layer, level, rect, set.halo).filter((at) => seen.has(tileKey(at)))
      : [];
    const waiting = new Map(tiles.map((at) => [tileKey(at), at]));
    this.dropTouched(set, rect, waiting);
    if (tiles.length === 0) return Promise.resolve();
    const sequence = ++this.sequence;
    return new Promise((done) => {
      this.groups.add({ sequence, keys: [...waiting.keys()], waiting, done });
      for (const at of tiles) this.fetchTile(set, at, sequence);
    });
  }

  destroy(): void {
    this.stopRefreshes();
    this.dropPrevious();
    this.cache.drop((key) => key.startsWith(`${this.current.name}/`));
  }

  private name(): string {
    return `${this.id}@${this.generation}`;
  }

  private url(at: TileAddress): string {
    return layerUrl(this.address(this.view.layer.url), tileKey(at), this.version);
  }

  /** Begin with the tiles of another address or version; those that are shown stay until the new ones are here. */
  private replace(image: string): void {
    this.stopRefreshes();
    this.version = this.view.layer.version;
    const old = this.current;
    this.generation++;
    this.current = new TileSet(this.name(), this.view.layer, image);
    if (this.previous || old.image !== image || old.layer.kind !== this.view.layer.kind || old.addresses().length === 0) {
      this.cache.drop((key) => key.startsWith(`${old.name}/`));
      if (this.previous?.image !== image) this.dropPrevious();
    } else this.previous = old;
  }

  private dropPrevious(): void {
    const old = this.previous;
    if (!old) return;
    this.previous = null;
    this.cache.drop((key) => key.startsWith(`${old.name}/`));
  }

  /** The painted tile, made now if its bytes are here. */
  private tile(set: TileSet, at: TileAddress, camera: Camera): OverlayTile | undefined {
    let tile = set.peek(at);
    if (!tile || tile.failed) {
      const bytes = this.cache.get(set.key(at));
      if (!bytes) return tile;
      tile = set.read(at, bytes);
      set.set(at, tile);
    }
    set.paint(at, tile, this.view, this.stamp, camera);
    return tile;
  }

  private isAwaited(key: string): boolean {
    for (const group of this.groups) if (group.waiting.has(key)) return true;
    return false;
  }

  /** Forget all tiles that a change touched, on every level, except those on screen: they stay until they are replaced. */
  private dropTouched(set: TileSet, rect: Rect, shown: ReadonlyMap<string, TileAddress>): void {
    const touched = new Set<string>();
    for (let level = set.layer.level; level < Math.max(set.layer.level + 1, set.layer.n_levels); level++) {
      for (const at of tilesIn(set.layer, level, rect, set.halo)) touched.add(set.key(at));
    }
    this.cache.drop((key) => touched.has(key));
    for (const at of set.addresses()) {
      if (touched.has(set.key(at)) && !shown.has(tileKey(at))) set.delete(at);
    }
  }

  private fetchTile(set: TileSet, at: TileAddress, sequence: number): void {
    const controller = new AbortController();
    this.flights.add(controller);
    void this.cache.fetchNow(this.url(at), controller.signal).then((bytes) => {
      this.flights.delete(controller);
      if (bytes) this.arrive(set, at, sequence, bytes);
    });
  }

  /** A tile came for a refresh: show it when it completes a group. An answer older than one that came counts for nothing. */
  private arrive(set: TileSet, at: TileAddress, sequence: number, bytes: Tile): void {
    if (set !== this.current) return;
    const key = tileKey(at);
    if (sequence > (this.fetchedFor.get(key) ?? 0)) {
      this.fetchedFor.set(key, sequence);
      // a tile in the set is what is drawn, so the old one stays on screen although its bytes are replaced here
      this.cache.put(set.key(at), bytes);
      this.staged.set(key, set.read(at, bytes));
    }
    const finished: Group[] = [];
    for (const group of this.groups) {
      if (group.sequence > sequence || !group.waiting.has(key)) continue;
      group.waiting.delete(key);
      if (group.waiting.size === 0) finished.push(group);
    }
    if (finished.length === 0) return;
    for (const group of finished) {
      this.groups.delete(group);
      for (const done of group.keys) {
        const tile = this.staged.get(done);
        if (tile) set.set(parseKey(done), tile);
        this.staged.delete(done);
      }
    }
    if (this.groups.size === 0) this.fetchedFor.clear();
    this.redraw();
    for (const group of finished) group.done();
  }

  private stopRefreshes(): void {
    for (const controller of this.flights) controller.abort();
    this.flights.clear();
    this.staged.clear();
    this.fetchedFor.clear();
    for (const group of this.groups) group.done();
    this.groups.clear();
  }
}

function sameSet(a: ReadonlySet<number> | null | undefined, b: ReadonlySet<number> | null | undefined): boolean {
  if (a === b) return true;
  if (!a || !b) return !a === !b;
  if (a.size !== b.size) return false;
  for (const value of a) if (!b.has(value)) return false;
  return true;
}

function sameColours(a: Record<number, string> | undefined, b: Record<number, string> | undefined): boolean {
  if (a === b) return true;
  const [one, two] = [Object.entries(a ?? {}), Object.entries(b ?? {})];
  return one.length === two.length && one.every(([key, value]) => b?.[Number(key)] === value);
}
