/** The typed pixel size of the project, and where the one of this image comes from. */
import { useState } from "preact/hooks";
import { current, pixelSizeText, project, setInterval_s, setPixelSize } from "../state/images";
import { recipe } from "../state/recipe";
import { Button } from "./controls";

const SOURCES = { file: "from the file", typed: "typed", "scale bar": "from the scale bar" };

export function PixelSizeField() {
  const [text, setText] = useState<string | null>(null);
  const image = current.value;
  const open = project.value;
  if (!image || !open) return null;
  const typed = open.pixel_size ?? "";
  const save = async (next: string): Promise<void> => {
    if (next.trim() === typed || (await setPixelSize(next.trim() || null))) setText(null);
  };
  const size = image.pixel_size;
  return (
    <div class="pixel-size">
      <label class="row">
        <span class="setting-name">Pixel size</span>
        <input
          type="text" class="number" value={text ?? typed} placeholder={size ? pixelSizeText(size).replace("/px", "") : "such as 0.5 nm"} disabled={open.read_only}
          onInput={(event) => setText(event.currentTarget.value)} onChange={(event) => void save(event.currentTarget.value)}
        />
        {typed && !open.read_only && <Button icon="close" label="Take the typed pixel size away" onClick={() => void save("")} />}
      </label>
      <p class={size ? "quiet" : "status warn"}>
        {size ? `${pixelSizeText(size)}, ${SOURCES[size.source]}. Typing one counts for all images.` : "Not in the file: results are in pixels until one is typed, for all images."}
      </p>
      {image.n_frames > 1 && !recipe.value?.assay && (
        <label class="row">
          <span class="setting-name">Time per frame</span>
          <input
            type="number" min={0} step="any" class="number" value={open.interval_s ?? ""} placeholder={image.frame_times_s ? "from the file" : "unknown"} disabled={open.read_only}
            onChange={(event) => void setInterval_s(event.currentTarget.valueAsNumber > 0 ? event.currentTarget.valueAsNumber : null)}
          />
          <span class="unit">s</span>
        </label>
      )}
    </div>
  );
}
