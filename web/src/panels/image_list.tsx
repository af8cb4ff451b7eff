/** The images of the project at the left; each a button, so that the keyboard reaches it. */
import { useRef } from "preact/hooks";
import { api } from "../api/client";
import type { ImageEntry } from "../api/types";
import {
  addSample, currentId, dropUpload, filtered, filterText, images, imagesKnown, pixelSizeText, project, removeImage, sizeText, uploadFiles, uploads,
} from "../state/images";
import { count } from "../state/numbers";
import { question } from "../state/page";
import { Button, Progress } from "./controls";
import { Icon } from "./icons";

function askToRemove(image: ImageEntry): void {
  question.value = {
    title: "Remove this image?",
    text: `${image.name} was uploaded into the project. The file and what was painted on it are removed; runs stay.`,
    yes: "Remove",
    run: () => void removeImage(image),
  };
}

function Status({ image }: { image: ImageEntry }) {
  if (image.status === "failed") return <span class="status bad" title={image.error}>cannot be read: {image.error}</span>;
  if (image.status === "ready") {
    return (
      <>
        <span class="quiet">{sizeText(image)}</span>
        <span class={image.pixel_size ? "quiet" : "status warn"}>{pixelSizeText(image.pixel_size)}</span>
      </>
    );
  }
  return (
    <span class="status">
      {image.status === "waiting" ? "waiting" : "reading"}
      <Progress share={image.progress} label={`Reading ${image.name}`} />
    </span>
  );
}

function Item({ image }: { image: ImageEntry }) {
  const here = currentId.value === image.id;
  return (
    <li class={`image-item ${here ? "here" : ""}`}>
      <button
        type="button" aria-current={here ? "true" : undefined} onClick={() => (currentId.value = image.id)}
        title={[image.name, image.format, image.dtype, ...image.notes].filter(Boolean).join("\n")}
      >
        <span class="thumb">
          {image.status === "ready" && <img src={api.thumbnail(image.id)} alt="" loading="lazy" decoding="async" width={52} height={52} />}
          {image.status === "failed" && <Icon name="doubt" />}
        </span>
        <span class="image-text">
          <span class="name">{image.name}</span>
          <Status image={image} />
          {image.n_strokes > 0 && <span class="quiet">{count(image.n_strokes, "stroke")}</span>}
        </span>
      </button>
      {image.uploaded && !project.value?.read_only && (
        <Button icon="trash" label={`Remove ${image.name}`} class="remove" onClick={() => askToRemove(image)} />
      )}
    </li>
  );
}

function Uploads() {
  const failed = uploads.value.filter((one) => one.error);
  return (
    <>
      <ul class="uploads" aria-label="Uploads">
        {uploads.value.map((one) => (
          <li key={one.id} class={one.error ? "failed" : ""}>
            <span class="name" title={one.name}>{one.name}</span>
            {one.error ? <span class="status bad why-not" role="status" title={one.error}>Not added: {one.error}</span> : <Progress share={one.share} label={`Uploading ${one.name}`} />}
            <Button icon="close" label={one.error ? `Forget ${one.name}` : `Stop uploading ${one.name}`} onClick={() => dropUpload(one)} />
          </li>
        ))}
      </ul>
      {failed.length > 1 && <div class="uploads-foot"><Button label={`Clear these ${failed.length}`} text onClick={() => failed.forEach(dropUpload)} /></div>}
    </>
  );
}

export function ImageList() {
  const input = useRef<HTMLInputElement>(null);
  const none = imagesKnown.value && images.value.length === 0;
  return (
    <nav class="list" aria-label="Images">
      <div class="list-head">
        <input
          type="search" placeholder={images.value.length === 0 ? "Filter images" : `Filter ${count(images.value.length, "image")}`} aria-label="Filter images by name" value={filterText.value}
          onInput={(event) => (filterText.value = event.currentTarget.value)}
        />
        <Button icon="plus" label="Add images" onClick={() => input.current?.click()} />
        <input
          ref={input} type="file" multiple hidden aria-hidden="true" tabIndex={-1}
          onChange={(event) => {
            uploadFiles(Array.from(event.currentTarget.files ?? []));
            event.currentTarget.value = "";
          }}
        />
      </div>
      {uploads.value.length > 0 && <Uploads />}
      <ul class="images">
        {filtered.value.map((image) => <Item key={image.id} image={image} />)}
      </ul>
      {!none && filtered.value.length === 0 && filterText.value && <p class="quiet pad">No name has “{filterText.value}”.</p>}
      <div class="list-foot">
        <Button label="Try the sample" text onClick={() => void addSample()} />
      </div>
    </nav>
  );
}
