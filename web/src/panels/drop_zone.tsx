/** Files may be dropped anywhere on the page. */
import { useEffect, useState } from "preact/hooks";
import { uploadFiles } from "../state/images";

function hasFiles(event: DragEvent): boolean {
  return event.dataTransfer?.types.includes("Files") ?? false;
}

export function DropZone() {
  const [over, setOver] = useState(false);
  useEffect(() => {
    // leaving one child is entering the next: only a drag that nobody has seen for a moment has left
    let timer = 0;
    const drag = (event: DragEvent): void => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setOver(true);
      window.clearTimeout(timer);
      timer = window.setTimeout(() => setOver(false), 150);
    };
    const drop = (event: DragEvent): void => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setOver(false);
      uploadFiles(Array.from(event.dataTransfer?.files ?? []));
    };
    window.addEventListener("dragover", drag);
    window.addEventListener("drop", drop);
    return () => {
      window.clearTimeout(timer);
      window.removeEventListener("dragover", drag);
      window.removeEventListener("drop", drop);
    };
  }, []);
  return over ? <div class="drop-zone"><p>Drop the images to add them to the project</p></div> : null;
}
