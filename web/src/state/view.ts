/** How the image is shown: plane, channels, tool, overlays' looks, what the cursor is on. Kept per image for the session. */
import { batch, computed, signal } from "@preact/signals";
import type { ChannelInfo, HistogramInfo, ImageEntry } from "../api/types";
import type { CameraState, ChannelView, Cursor, OverlayView, Plane, ToolName } from "../viewer/interface";
import { current } from "./images";
import { tab } from "./page";

export interface LayerLook {
  visible: boolean;
  opacity: number;
  style: OverlayView["style"];
}

export const planes = signal<Record<string, Plane>>({});
export const channelViews = signal<Record<string, ChannelView[]>>({});
export const activeChannel = signal(0);
export const overlaysOn = signal(true);
export const layerLooks = signal<Record<string, LayerLook>>({});
export const cursor = signal<Cursor | null>(null);
export const camera = signal<CameraState | null>(null);
export const playing = signal(false);
export const paintTool = signal<ToolName>("brush");
export const resultTool = signal<ToolName>("select");
export const brushRadius = signal(8);
export const editRadius = signal(3);
/** The view is moved with every tool while this is held. */
export const spaceHeld = signal(false);

/** Histograms of whole planes in tile values, by `histogramKey`. */
export const histograms = signal<Record<string, HistogramInfo>>({});

export function histogramKey(image: string, c: number, t: number, z: number): string {
  return `${image}/${c}/${t}/${z}`;
}

export const plane = computed<Plane>(() => planes.value[current.value?.id ?? ""] ?? { t: 0, z: 0 });
export const channels = computed<ChannelView[]>(() => {
  const image = current.value;
  return image ? (channelViews.value[image.id] ?? startViews(image)) : [];
});
export const tool = computed<ToolName>(() => {
  if (spaceHeld.value) return "pan";
  if (tab.value === "paint") return paintTool.value;
  return tab.value === "results" ? resultTool.value : "pan";
});

/** Colour images show all channels in their colour, one channel is grey, several are tinted. */
export function startViews(image: ImageEntry): ChannelView[] {
  const several = image.channels.length > 1;
  return image.channels.map((channel, index) => ({
    channel,
    visible: image.colour || index < 4,
    low: channel.low,
    high: channel.high,
    gamma: 1,
    map: several ? "tint" : "grey",
    colour: channel.colour,
  }));
}

export function setPlane(change: Partial<Plane>): void {
  const image = current.value;
  if (!image) return;
  const next = { ...plane.value, ...change };
  next.t = Math.min(image.n_frames - 1, Math.max(0, next.t));
  next.z = Math.min(image.n_z - 1, Math.max(0, next.z));
  planes.value = { ...planes.value, [image.id]: next };
}

export function setChannel(index: number, change: Partial<ChannelView>): void {
  const image = current.value;
  if (!image) return;
  const next = channels.value.map((view, at) => (at === index ? { ...view, ...change } : view));
  channelViews.value = { ...channelViews.value, [image.id]: next };
}

/** Window that leaves out the darkest and brightest 0.2 % of the pixels; at least one grey level wide. */
export function autoWindow(histogram: HistogramInfo): { low: number; high: number } {
  const total = histogram.counts.reduce((sum, n) => sum + n, 0);
  const width = (histogram.high - histogram.low) / Math.max(1, histogram.counts.length);
  const find = (share: number): number => {
    let sum = 0;
    for (let bin = 0; bin < histogram.counts.length; bin++) {
      sum += histogram.counts[bin] ?? 0;
      if (sum >= share * total) return bin;
    }
    return histogram.counts.length - 1;
  };
  const low = histogram.low + find(0.002) * width;
  const high = histogram.low + (find(0.998) + 1) * width;
  // the upper edge of the last bin lies one beyond the largest value that a tile can hold
  const from = Math.min(65534, Math.floor(low));
  return { low: from, high: Math.min(65535, Math.max(from + 1, Math.ceil(high))) };
}

export function greyLevel(channel: ChannelInfo, tileValue: number): number {
  return channel.value_offset + channel.value_scale * tileValue;
}

const LOOKS: Record<string, LayerLook> = {
  labels: { visible: true, opacity: 0.85, style: "outline" },
  paint: { visible: true, opacity: 0.8, style: "fill" },
  areas: { visible: true, opacity: 0.45, style: "fill" },
  classes: { visible: false, opacity: 0.45, style: "fill" },
  prediction: { visible: true, opacity: 0.4, style: "fill" },
  uncertainty: { visible: false, opacity: 0.85, style: "fill" },
};

export function lookOf(name: string): LayerLook {
  return layerLooks.value[name] ?? LOOKS[name] ?? { visible: false, opacity: 0.6, style: "fill" };
}

export function setLook(name: string, change: Partial<LayerLook>): void {
  batch(() => {
    layerLooks.value = { ...layerLooks.value, [name]: { ...lookOf(name), ...change } };
    if (change.visible) overlaysOn.value = true;
  });
}

/** Level of the pyramid at which a plane has at most 1.3 million pixels, not finer than what is on screen. */
export function previewLevel(image: Pick<ImageEntry, "height" | "width" | "n_levels">, shown: number): number {
  let level = 0;
  while ((image.height / 2 ** level) * (image.width / 2 ** level) > 1.3e6) level++;
  return Math.min(16, Math.max(level, Math.min(shown, image.n_levels - 1), 0));
}

/** Next size of the brush: steps of a quarter, at least half a pixel. */
export function nextRadius(radius: number, direction: 1 | -1): number {
  const next = direction > 0 ? Math.max(radius + 0.5, radius * 1.25) : Math.min(radius - 0.5, radius / 1.25);
  return Math.min(500, Math.max(0.5, Math.round(next * 2) / 2));
}
