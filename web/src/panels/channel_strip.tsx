/** Channels below the image: which are visible, and window, gamma and colours of the one that is chosen. */
import { useSignalEffect } from "@preact/signals";
import { api } from "../api/client";
import type { HistogramInfo } from "../api/types";
import { WindowHistogram } from "../charts/window_histogram";
import { current } from "../state/images";
import { shortNumber } from "../state/numbers";
import { attempt } from "../state/page";
import { activeChannel, autoWindow, channels, greyLevel, histogramKey, histograms, plane, setChannel } from "../state/view";
import type { ChannelView, ColourMap } from "../viewer/interface";
import { Button, Popover } from "./controls";

const MAPS: ColourMap[] = ["grey", "tint", "viridis", "inferno", "inverted"];

function useHistogram(): void {
  useSignalEffect(() => {
    const [image, { t, z }] = [current.value, plane.value];
    const c = Math.min(activeChannel.value, (image?.channels.length ?? 1) - 1);
    if (!image || image.status !== "ready") return undefined;
    const key = histogramKey(image.id, c, t, z);
    if (histograms.peek()[key]) return undefined;
    const timer = window.setTimeout(() => void attempt(async () => {
      const found = await api.histogram(image.id, t, c, z);
      histograms.value = { ...Object.fromEntries(Object.entries(histograms.peek()).slice(-40)), [key]: found };
    }), 120);
    return () => window.clearTimeout(timer);
  });
}

/** The handles reach a little beyond what is in the histogram and in the window. */
function handleRange(view: ChannelView, histogram: HistogramInfo | null): [number, number] {
  const low = Math.min(view.low, histogram?.low ?? view.channel.low);
  const high = Math.max(view.high, histogram?.high ?? view.channel.high, low + 1);
  return [Math.max(0, Math.floor(low)), Math.min(65535, Math.ceil(high))];
}

function Chips({ active }: { active: number }) {
  return (
    <div class="channel-chips" role="group" aria-label="Channels">
      {channels.value.map((view, index) => {
        const name = view.channel.name || `Channel ${index + 1}`;
        return (
          <span key={index} class={`chip ${index === active ? "here" : ""}`}>
            <input type="checkbox" aria-label={`Show ${name}`} checked={view.visible} onChange={() => setChannel(index, { visible: !view.visible })} style={{ accentColor: view.colour }} />
            <button type="button" aria-pressed={index === active} onClick={() => (activeChannel.value = index)}>{name}</button>
          </span>
        );
      })}
    </div>
  );
}

function More({ view, index }: { view: ChannelView; index: number }) {
  return (
    <Popover label="Gamma and colour" icon="gear">
      <label class="row">
        <span class="setting-name">Gamma</span>
        <input
          type="range" class="grow" min={-100} max={100} value={Math.round((100 * Math.log2(view.gamma)) / 2)} aria-valuetext={view.gamma.toFixed(2)}
          onInput={(event) => setChannel(index, { gamma: 2 ** (Number(event.currentTarget.value) / 50) })}
        />
        <output class="number">{view.gamma.toFixed(2)}</output>
      </label>
      {view.map === "tint" && (
        <label class="row">
          <span class="setting-name grow">Colour</span>
          <input type="color" value={view.colour} onInput={(event) => setChannel(index, { colour: event.currentTarget.value })} />
        </label>
      )}
      <Button icon="reset" text label="As at first" onClick={() => setChannel(index, {
        low: view.channel.low, high: view.channel.high, gamma: 1, colour: view.channel.colour, map: channels.value.length > 1 ? "tint" : "grey",
      })} />
    </Popover>
  );
}

export function ChannelStrip() {
  useHistogram();
  const image = current.value;
  const index = Math.min(activeChannel.value, channels.value.length - 1);
  const view = channels.value[index];
  if (!image || !view) return null;
  const histogram = histograms.value[histogramKey(image.id, index, plane.value.t, plane.value.z)] ?? null;
  const [from, to] = handleRange(view, histogram);
  const name = view.channel.name || `channel ${index + 1}`;
  const level = (value: number): number => greyLevel(view.channel, value);
  return (
    <div class="channels">
      {channels.value.length > 1 && <Chips active={index} />}
      <div class="channel-row">
        <span class="number level">{shortNumber(level(view.low))}</span>
        <WindowHistogram
          name={name} histogram={histogram} low={view.low} high={view.high} from={from} to={to} text={level}
          colour={view.map === "tint" ? view.colour : "currentColor"} onChange={(low, high) => setChannel(index, { low, high })}
        />
        <span class="number level">{shortNumber(level(view.high))}</span>
        <Button label="Auto" text disabled={!histogram} onClick={() => histogram && setChannel(index, autoWindow(histogram))} />
        <select aria-label="Colour map" value={view.map} onChange={(event) => setChannel(index, { map: event.currentTarget.value as ColourMap })}>
          {MAPS.map((map) => <option key={map} value={map}>{map}</option>)}
        </select>
        <More view={view} index={index} />
      </div>
    </div>
  );
}
