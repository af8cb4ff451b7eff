/** The image in the middle: toolbar, viewer, frames, channels, status. */
import { useEffect, useRef } from "preact/hooks";
import { addSample, current, images, imagesKnown } from "../state/images";
import { mountViewer } from "../state/stage";
import { makeViewer } from "../viewer_place";
import { Button } from "./controls";
import { ChannelStrip } from "./channel_strip";
import { PlaneSliders } from "./plane_sliders";
import { StatusBar } from "./status_bar";
import { Toolbar } from "./toolbar";

function Empty() {
  return (
    <div class="empty">
      <h2>Drop images here</h2>
      <p>TIFF, OME-TIFF, PNG, JPEG, DM3, DM4, SER, EMD, MRC, OME-Zarr and more, up to 20,000 × 20,000 pixels, 16 bits.</p>
      <Button label="Try the sample" text kind="primary" onClick={() => void addSample()} />
    </div>
  );
}

function NotReady() {
  const image = current.value;
  if (!image || image.status === "ready") return null;
  return (
    <div class="empty" role="status">
      {image.status === "failed" ? (
        <>
          <h2>This file cannot be read</h2>
          <p>{image.error}</p>
        </>
      ) : (
        <>
          <h2>Reading {image.name}</h2>
          <progress class="progress" max={1} value={image.progress} aria-label="Reading" />
        </>
      )}
    </div>
  );
}

export function ViewerPane() {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => (place.current ? mountViewer(makeViewer(place.current)) : undefined), []);
  const none = imagesKnown.value && images.value.length === 0;
  const shown = current.value?.status === "ready";
  return (
    <main class="centre" aria-label="Image">
      <Toolbar />
      <div class="stage">
        <div ref={place} class="viewer-place" />
        {none ? <Empty /> : <NotReady />}
      </div>
      {shown && <PlaneSliders />}
      {shown && <ChannelStrip />}
      <StatusBar />
    </main>
  );
}
