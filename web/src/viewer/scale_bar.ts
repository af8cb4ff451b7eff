/** A scale bar: a length of 1, 2 or 5 times a power of ten that is not longer than there is room for. */
import type { PixelSizeInfo } from "../api/types";

export interface ScaleBar {
  /** Length on screen, in CSS pixels. */
  length: number;
  text: string;
}

const NM = { nm: 1, um: 1e3, mm: 1e6 } as const;

/** Largest of 1, 2, 5 times a power of ten that is not above a number; 0 when there is none. */
export function niceBelow(limit: number): number {
  if (!(limit > 0) || !Number.isFinite(limit)) return 0;
  const power = 10 ** Math.floor(Math.log10(limit));
  // the small number: 10 ** -3 * 2 and its like are not exact
  for (const step of [10, 5, 2, 1]) if (step * power <= limit * (1 + 1e-9)) return step * power;
  return power / 2;
}

/** The bar for a zoom (CSS pixels per image pixel), at most `room` CSS pixels long; in image pixels without a pixel size. */
export function scaleBar(pixelSize: PixelSizeInfo | null, zoom: number, room: number): ScaleBar | null {
  if (!(zoom > 0)) return null;
  const nm = pixelSize && pixelSize.x > 0 ? pixelSize.x * NM[pixelSize.unit] : 0;
  if (!nm) {
    const pixels = niceBelow(room / zoom);
    return pixels >= 1 ? { length: pixels * zoom, text: `${format(pixels)} px` } : null;
  }
  const length = niceBelow((room / zoom) * nm);
  const unit = length >= 1e6 ? "mm" : length >= 1e3 ? "um" : "nm";
  return { length: (length / nm) * zoom, text: `${format(length / NM[unit])} ${unit === "um" ? "µm" : unit}` };
}

function format(value: number): string {
  return String(Number(value.toPrecision(3)));
}

/** Draw the bar at the bottom left; a dark rim makes it readable on any picture. `dpr`: device pixels per CSS pixel. */
export function drawScaleBar(context: CanvasRenderingContext2D, bar: ScaleBar, dpr: number): void {
  const px = (v: number): number => Math.round(v * dpr);
  const left = px(16);
  const bottom = context.canvas.height - px(16);
  const thick = Math.max(2, px(4));
  const length = Math.max(1, px(bar.length));
  context.save();
  context.fillStyle = "rgba(0, 0, 0, 0.65)";
  context.fillRect(left - px(1.5), bottom - thick - px(1.5), length + 2 * px(1.5), thick + 2 * px(1.5));
  context.fillStyle = "#fff";
  context.fillRect(left, bottom - thick, length, thick);
  context.font = `600 ${px(13)}px system-ui, sans-serif`;
  context.textBaseline = "alphabetic";
  context.textAlign = "left";
  context.lineJoin = "round";
  context.lineWidth = px(3);
  context.strokeStyle = "rgba(0, 0, 0, 0.65)";
  context.strokeText(bar.text, left, bottom - thick - px(6));
  context.fillText(bar.text, left, bottom - thick - px(6));
  context.restore();
}
