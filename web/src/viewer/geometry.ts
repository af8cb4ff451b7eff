/** Tiles of a plane: the same geometry as `granum.app.tiles`, so that page and server never disagree on a pixel. */

export const TILE = 512;

/** A pyramid: sizes at full resolution, and the levels that there are. */
export interface Pyramid {
  height: number;
  width: number;
  /** Finest level that there is. */
  level: number;
  /** Levels 0..n_levels-1 lead to one that fits into a tile. */
  n_levels: number;
}

/** One tile of a pyramid. */
export interface TileAddress {
  level: number;
  y: number;
  x: number;
}

/** Half-open rectangle [y0, y1) x [x0, x1). */
export interface Rect {
  y0: number;
  x0: number;
  y1: number;
  x1: number;
}

/** Rows or columns of a side halved `level` times, each time rounded up. */
export function levelSide(side: number, level: number): number {
  return Math.ceil(side / 2 ** level);
}

/** Rows and columns of one tile, without halo; zero outside of the plane. */
export function tileSize(pyramid: Pyramid, at: TileAddress): { rows: number; columns: number } {
  const rows = Math.min(TILE, levelSide(pyramid.height, at.level) - at.y * TILE);
  const columns = Math.min(TILE, levelSide(pyramid.width, at.level) - at.x * TILE);
  return { rows: Math.max(0, rows), columns: Math.max(0, columns) };
}

/** The level, within those that there are, which is nearest to the one asked for. */
export function clampLevel(pyramid: Pyramid, level: number): number {
  return Math.max(pyramid.level, Math.min(level, Math.max(pyramid.level, pyramid.n_levels - 1)));
}

/**
 * Tiles of a level that touch a rectangle of full-resolution pixels, rows first.
 *
 * `halo` is how many pixels of the level a tile knows beyond its border: a tile is touched when its halo is.
 */
export function tilesIn(pyramid: Pyramid, level: number, rect: Rect, halo = 0): TileAddress[] {
  const step = 2 ** level;
  const height = levelSide(pyramid.height, level);
  const width = levelSide(pyramid.width, level);
  const first = (low: number): number => Math.floor((Math.floor(low / step) - halo) / TILE);
  const last = (high: number): number => Math.floor((Math.ceil(high / step) - 1 + halo) / TILE);
  const y0 = Math.max(0, first(rect.y0));
  const x0 = Math.max(0, first(rect.x0));
  const y1 = Math.min(Math.ceil(height / TILE) - 1, last(rect.y1));
  const x1 = Math.min(Math.ceil(width / TILE) - 1, last(rect.x1));
  const tiles: TileAddress[] = [];
  if (!(rect.y1 > rect.y0 && rect.x1 > rect.x0)) return tiles;
  for (let y = y0; y <= y1; y++) for (let x = x0; x <= x1; x++) tiles.push({ level, y, x });
  return tiles;
}

/** Tiles ordered by the distance of their middle from a point of the image, nearest first. */
export function nearestFirst(tiles: TileAddress[], y: number, x: number): TileAddress[] {
  const far = (at: TileAddress): number => {
    const step = 2 ** at.level;
    return Math.hypot((at.y + 0.5) * TILE * step - y, (at.x + 0.5) * TILE * step - x);
  };
  return tiles
    .map((at) => ({ at, far: far(at) }))
    .sort((a, b) => a.far - b.far)
    .map(({ at }) => at);
}

export function tileKey(at: TileAddress): string {
  return `${at.level}/${at.y}/${at.x}`;
}

export function parseKey(key: string): TileAddress {
  const [level, y, x] = key.split("/").map(Number);
  return { level: level ?? 0, y: y ?? 0, x: x ?? 0 };
}
