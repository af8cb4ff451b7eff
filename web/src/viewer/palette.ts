/** Colours of objects that people with colour-blindness can tell apart: those of the report (`granum.report.overlays`). */
import { formatColour, parseColour } from "./colour_maps";

/** After Okabe and Ito, brighter because thin lines on grey look pale. */
export const PALETTE: readonly (readonly [number, number, number])[] = [
  [60, 165, 255],
  [255, 222, 0],
  [0, 214, 130],
  [255, 110, 205],
];

/** Vermilion is kept for doubtful separations. */
export const DOUBTFUL = "#ff4000";

/** "#rrggbb" of a label; labels that follow each other differ, and so do most that are one row of objects apart. */
export function labelColour(label: number): string {
  return formatColour([...PALETTE[paletteIndex(label)]!]);
}

function paletteIndex(label: number): number {
  const n = PALETTE.length;
  // each run of n labels starts with another colour, at random: with a fixed step, objects in rows would show stripes
  let run = Math.floor(label / n) + 1;
  run = Math.imul(run ^ (run >>> 16), 0x85ebca6b);
  run = Math.imul(run ^ (run >>> 13), 0xc2b2ae35);
  return (label + ((run ^ (run >>> 16)) >>> 28)) % n;
}

/** RGBA pixel as ImageData has it (little-endian), opaque by default. */
export function packPixel(colour: string, alpha = 255): number {
  const [r, g, b] = parseColour(colour);
  return ((alpha << 24) | (b << 16) | (g << 8) | r) >>> 0;
}

const PACKED = PALETTE.map((_, i) => packPixel(formatColour([...PALETTE[i]!])));

export function labelPixel(label: number): number {
  return PACKED[paletteIndex(label)]!;
}
