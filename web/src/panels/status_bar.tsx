/** Below the image: where the cursor is, in pixels and in the unit of the image, and what lies under it. */
import { signal, useSignalEffect } from "@preact/signals";
import { api } from "../api/client";
import type { ImageEntry } from "../api/types";
import { current } from "../state/images";
import { shortNumber, unitText } from "../state/numbers";
import { classes } from "../state/paint";
import { channels, cursor, greyLevel, plane } from "../state/view";

/** Exact grey levels from the file, for the pixel they belong to. */
const exact = signal<{ key: string; values: (number | null)[] } | null>(null);

function pixelKey(image: ImageEntry, y: number, x: number, t: number, z: number): string {
  return `${image.id}/${t}/${z}/${y}/${x}`;
}

/** Tiles hold means at coarse levels; when the cursor rests, the file's own values are asked for. */
function useExactValues(): void {
  useSignalEffect(() => {
    const [at, image, { t, z }] = [cursor.value, current.value, plane.value];
    if (!at?.inside || !image || image.status !== "ready") return undefined;
    const [y, x] = [Math.round(at.y), Math.round(at.x)];
    const abort = new AbortController();
    const timer = window.setTimeout(() => {
      api.pixel(image.id, y, x, t, z, abort.signal).then(
        (reading) => (exact.value = { key: pixelKey(image, y, x, t, z), values: reading.values }),
        () => {}, // the value of the tile stays, marked as about
      );
    }, 90);
    return () => {
      window.clearTimeout(timer);
      abort.abort();
    };
  });
}

function Values({ image, y, x }: { image: ImageEntry; y: number; x: number }) {
  const known = exact.value?.key === pixelKey(image, y, x, plane.value.t, plane.value.z) ? exact.value.values : null;
  const tiles = cursor.value?.tileValues ?? [];
  return (
    <span class="number values">
      {channels.value.map((view, index) => {
        const tile = tiles[index];
        const value = known?.[index];
        const text = value !== undefined ? shortNumber(value, 6) : tile === null || tile === undefined ? "…" : `≈ ${shortNumber(greyLevel(view.channel, tile), 5)}`;
        return (
          <span key={index} class={view.visible ? "" : "quiet"}>
            {channels.value.length > 1 && <i class="swatch" style={{ background: view.colour }} />}
            {text}
          </span>
        );
      })}
    </span>
  );
}

export function StatusBar() {
  useExactValues();
  const [at, image] = [cursor.value, current.value];
  const size = image?.pixel_size;
  if (!image || image.status !== "ready") return <footer class="status-bar" />;
  const inside = at?.inside ?? false;
  const [y, x] = [Math.round(at?.y ?? 0), Math.round(at?.x ?? 0)];
  const className = at?.classId ? (classes.value.find((one) => one.id === at.classId)?.name ?? `class ${at.classId}`) : "";
  return (
    <footer class="status-bar">
      <span class="number place">{inside ? `y ${y}  x ${x}` : "y –  x –"}</span>
      {size && <span class="number place quiet">{inside ? `${shortNumber(y * size.y)}, ${shortNumber(x * size.x)} ${unitText(size.unit)}` : `– ${unitText(size.unit)}`}</span>}
      {inside && <Values image={image} y={y} x={x} />}
      {inside && at && at.label > 0 && <span class="number">object {at.label}</span>}
      {inside && className && <span>{className}</span>}
      <span class="spring" />
      <span class="quiet number wide-only">
        {image.width} × {image.height} px{size && `, ${shortNumber(image.width * size.x)} × ${shortNumber(image.height * size.y)} ${unitText(size.unit)}`}
      </span>
      <span class="quiet wide-only">{[image.dtype, image.format].filter(Boolean).join(" · ")}</span>
    </footer>
  );
}
