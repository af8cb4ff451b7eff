/** Colour maps as 256 steps of red, green and blue, made from few points in between which the colour is a straight line. */
import type { ColourMap } from "./interface";

// seventeen points each; between them no colour is off by more than 7 of 255 steps
const POINTS = {
  viridis:
    "440154 48186a 472d7b 424086 3b528b 33638d 2c728e 26818e 21908c 1f9f88 28ae80 3ebc74 5dc963 82d34c abdc32 d5e21a fde725",
  inferno:
    "000004 0b0724 210c4a 3c0965 57106d 70196e 89226a a32b61 bb3755 d14644 e35932 f1711e f98d0a fcab0f f9ca32 f2e865 fcffa4",
} as const;

/** [red, green, blue], 0..255, of "#rrggbb"; white when it is none. */
export function parseColour(text: string): [number, number, number] {
  const found = /^#([0-9a-f]{6})$/i.exec(text);
  if (!found?.[1]) return [255, 255, 255];
  const value = Number.parseInt(found[1], 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

export function formatColour(rgb: readonly [number, number, number]): string {
  return `#${rgb.map((v) => v.toString(16).padStart(2, "0")).join("")}`;
}

/** 256 colours, three numbers 0..255 each. */
export function colourSteps(map: ColourMap, colour: string): Uint8Array {
  const steps = new Uint8Array(256 * 3);
  const tint = map === "tint" ? parseColour(colour) : ([255, 255, 255] as const);
  const points = map === "viridis" || map === "inferno" ? POINTS[map].split(" ").map((hex) => parseColour(`#${hex}`)) : null;
  for (let i = 0; i < 256; i++) {
    for (let k = 0; k < 3; k++) {
      let value: number;
      if (points) {
        const at = (i / 255) * (points.length - 1);
        const low = Math.min(Math.floor(at), points.length - 2);
        const from = points[low]![k]!;
        value = from + (at - low) * (points[low + 1]![k]! - from);
      } else {
        value = ((map === "inverted" ? 255 - i : i) / 255) * tint[k]!;
      }
      steps[i * 3 + k] = Math.round(value);
    }
  }
  return steps;
}
