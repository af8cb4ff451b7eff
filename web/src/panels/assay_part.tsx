/** A part of the panel of an assay that opens and closes. */
import type { ComponentChildren } from "preact";
import { Icon } from "./icons";

export function Part({ title, about, open, children }: { title: string; about?: string | undefined; open?: boolean; children: ComponentChildren }) {
  return (
    <details class="card" open={open}>
      <summary><Icon name="chevron" /><h3 class="card-title">{title}</h3>{about && <span class="tag">{about}</span>}</summary>
      {children}
    </details>
  );
}
