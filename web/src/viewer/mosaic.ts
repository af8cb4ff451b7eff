/** Drawing tiles as one picture: shared rounded edges, coarser or finer tiles in place of those that are not here yet. */
import type { Camera } from "./camera";
import { TILE, tilesIn, tileSize, type Pyramid, type TileAddress } from "./geometry";

/** A tile that is ready to be drawn. */
export interface Picture {
  /** Null where there is nothing to draw. */
  canvas: HTMLCanvasElement | null;
  failed: boolean;
}

export interface Mosaic {
  pyramid: Pyramid;
  level: number;
  /** The tile, made now if that is possible. */
  get(at: TileAddress): Picture | undefined;
  /** The tile if it is made already. */
  peek(at: TileAddress): Picture | undefined;
  /** What was shown here before, for the time until the tile is here. */
  older?(at: TileAddress): Picture | undefined;
  /** Blur tiles that are enlarged because the fine ones are not here (pictures, not labels). */
  smoothStandIns: boolean;
}

/** Draw all tiles in view; returns whether all of them were there. */
export function drawMosaic(context: CanvasRenderingContext2D, camera: Camera, mosaic: Mosaic): boolean {
  let complete = true;
  const sharp = camera.scale() * 2 ** mosaic.level >= 1;
  for (const at of tilesIn(mosaic.pyramid, mosaic.level, camera.visible())) {
    const picture = mosaic.get(at);
    if (picture) {
      context.imageSmoothingEnabled = !sharp;
      drawPicture(context, camera, mosaic.pyramid, at, picture);
      continue;
    }
    complete = false;
    const older = mosaic.older?.(at);
    if (older) {
      context.imageSmoothingEnabled = !sharp;
      drawPicture(context, camera, mosaic.pyramid, at, older);
    } else if (!drawFiner(context, camera, mosaic, at, true)) {
      context.imageSmoothingEnabled = mosaic.smoothStandIns;
      if (!drawCoarser(context, camera, mosaic, at)) drawFiner(context, camera, mosaic, at, false);
    }
  }
  return complete;
}

/** Where a tile is on the canvas, in device pixels. */
export function deviceBox(camera: Camera, pyramid: Pyramid, at: TileAddress): { top: number; left: number; bottom: number; right: number } {
  const { rows, columns } = tileSize(pyramid, at);
  const step = 2 ** at.level;
  return {
    top: camera.edgeY(at.y * TILE * step),
    left: camera.edgeX(at.x * TILE * step),
    bottom: camera.edgeY((at.y * TILE + rows) * step),
    right: camera.edgeX((at.x * TILE + columns) * step),
  };
}

function drawPicture(context: CanvasRenderingContext2D, camera: Camera, pyramid: Pyramid, at: TileAddress, picture: Picture): void {
  const { top, left, bottom, right } = deviceBox(camera, pyramid, at);
  if (picture.failed) hatch(context, left, top, right - left, bottom - top, camera.dpr);
  else if (picture.canvas) context.drawImage(picture.canvas, left, top, right - left, bottom - top);
}

/** Draw the four finer tiles instead; with `all`, only when none of them is missing. */
function drawFiner(context: CanvasRenderingContext2D, camera: Camera, mosaic: Mosaic, at: TileAddress, all: boolean): boolean {
  const level = at.level - 1;
  if (level < mosaic.pyramid.level) return false;
  const found: [TileAddress, Picture][] = [];
  let missing = false;
  for (let k = 0; k < 4; k++) {
    const child = { level, y: 2 * at.y + (k >> 1), x: 2 * at.x + (k & 1) };
    const { rows, columns } = tileSize(mosaic.pyramid, child);
    if (rows === 0 || columns === 0) continue;
    const picture = mosaic.peek(child);
    if (picture && !picture.failed) found.push([child, picture]);
    else missing = true;
  }
  if (all && missing) return false;
  context.imageSmoothingEnabled = true;
  for (const [child, picture] of found) drawPicture(context, camera, mosaic.pyramid, child, picture);
  return found.length > 0;
}

/** Draw a part of the finest coarser tile that is here. */
function drawCoarser(context: CanvasRenderingContext2D, camera: Camera, mosaic: Mosaic, at: TileAddress): boolean {
  for (let up = 1; at.level + up < mosaic.pyramid.n_levels; up++) {
    const share = 2 ** up;
    const parent = { level: at.level + up, y: Math.floor(at.y / share), x: Math.floor(at.x / share) };
    const picture = mosaic.get(parent);
    if (!picture || picture.failed) continue;
    if (!picture.canvas) return true;
    const side = TILE / share;
    const top = (at.y % share) * side;
    const left = (at.x % share) * side;
    const whole = tileSize(mosaic.pyramid, parent);
    const rows = Math.min(side, whole.rows - top);
    const columns = Math.min(side, whole.columns - left);
    // canvases of outlines are as large as their tile was on screen
    const [down, across] = [picture.canvas.height / whole.rows, picture.canvas.width / whole.columns];
    if (rows <= 0 || columns <= 0) return true;
    const step = 2 ** parent.level;
    const y = parent.y * TILE + top;
    const x = parent.x * TILE + left;
    const [y0, x0] = [camera.edgeY(y * step), camera.edgeX(x * step)];
    const [y1, x1] = [camera.edgeY((y + rows) * step), camera.edgeX((x + columns) * step)];
    context.drawImage(picture.canvas, left * across, top * down, columns * across, rows * down, x0, y0, x1 - x0, y1 - y0);
    return true;
  }
  return false;
}

/** Hatching says: here should be something that could not be had. */
function hatch(context: CanvasRenderingContext2D, left: number, top: number, width: number, height: number, dpr: number): void {
  const x0 = Math.max(0, left);
  const y0 = Math.max(0, top);
  const x1 = Math.min(context.canvas.width, left + width);
  const y1 = Math.min(context.canvas.height, top + height);
  if (x1 <= x0 || y1 <= y0) return;
  context.save();
  context.beginPath();
  context.rect(x0, y0, x1 - x0, y1 - y0);
  context.clip();
  context.strokeStyle = "rgba(128, 128, 128, 0.6)";
  context.lineWidth = Math.max(1, dpr);
  context.beginPath();
  const pitch = 12 * dpr;
  for (let c = Math.floor((x0 - y1) / pitch) * pitch; c < x1 - y0 + pitch; c += pitch) {
    context.moveTo(c + y0, y0);
    context.lineTo(c + y1, y1);
  }
  context.stroke();
  context.restore();
}

/** Cut everything that is drawn to the picture; halved levels may reach over its edge by part of a pixel. */
export function clipToImage(context: CanvasRenderingContext2D, camera: Camera): void {
  const left = camera.edgeX(0);
  const top = camera.edgeY(0);
  context.beginPath();
  context.rect(left, top, camera.edgeX(camera.image.width) - left, camera.edgeY(camera.image.height) - top);
  context.clip();
}

const scratch = new Map<string, { image: ImageData; pixels: Uint32Array }>();

/** Paint pixels onto a canvas of a tile's size; the buffer is shared, so nothing is allocated per tile. */
export function paintCanvas(
  old: HTMLCanvasElement | null,
  rows: number,
  columns: number,
  paint: (pixels: Uint32Array) => boolean,
): HTMLCanvasElement | null {
  const size = `${rows}x${columns}`;
  let buffer = scratch.get(size);
  if (!buffer) {
    const image = new ImageData(columns, rows);
    buffer = { image, pixels: new Uint32Array(image.data.buffer) };
    // full tiles, the two edges and the corner of a few levels; more are not kept
    if (scratch.size >= 16) scratch.clear();
    scratch.set(size, buffer);
  }
  if (!paint(buffer.pixels)) return null;
  const canvas = old ?? document.createElement("canvas");
  if (canvas.width !== columns) canvas.width = columns;
  if (canvas.height !== rows) canvas.height = rows;
  const context = canvas.getContext("2d");
  if (!context) throw new Error("the browser gives no 2D canvas");
  context.putImageData(buffer.image, 0, 0);
  return canvas;
}

/** Forget the least recently used entries of a Map above a number. */
export function trim<V>(map: Map<string, V>, most: number, drop: (value: V) => void = () => undefined): void {
  for (const [key, value] of map) {
    if (map.size <= most) return;
    map.delete(key);
    drop(value);
  }
}

/** Put an entry at the end of a Map: used last. */
export function touch<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
}
