/** Frames of a series with play, planes along z. */
import { current, project } from "../state/images";
import { shortNumber } from "../state/numbers";
import { plane, playing, setPlane } from "../state/view";
import { Button } from "./controls";

function frameTime(t: number): string {
  const image = current.value;
  const interval = project.value?.interval_s;
  const seconds = interval ? t * interval : image?.frame_times_s?.[t];
  return seconds === undefined || seconds === null ? "" : `${shortNumber(seconds)} s`;
}

function Slider({ name, axis, n, extra }: { name: string; axis: "t" | "z"; n: number; extra?: string }) {
  const value = plane.value[axis];
  return (
    <label class="plane-slider">
      <span>{name}</span>
      <input
        type="range" min={0} max={n - 1} step={1} value={value} aria-valuetext={`${name} ${value + 1} of ${n} ${extra ?? ""}`}
        onInput={(event) => {
          if (axis === "t") playing.value = false;
          setPlane({ [axis]: Number(event.currentTarget.value) });
        }}
      />
      <output class="number">{value + 1} / {n}</output>
      {extra && <span class="quiet number">{extra}</span>}
    </label>
  );
}

export function PlaneSliders() {
  const image = current.value;
  if (!image || (image.n_frames < 2 && image.n_z < 2)) return null;
  return (
    <div class="planes">
      {image.n_frames > 1 && (
        <div class="row">
          <Button
            icon={playing.value ? "pause" : "play"} label={playing.value ? "Pause" : "Play the series"} pressed={playing.value}
            onClick={() => (playing.value = !playing.value)}
          />
          <Slider name="Frame" axis="t" n={image.n_frames} extra={frameTime(plane.value.t)} />
        </div>
      )}
      {image.n_z > 1 && <Slider name="Plane z" axis="z" n={image.n_z} />}
    </div>
  );
}
