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

/** A table that may be wider than the panel: the keyboard can reach and scroll it. */
export function Scroll({ label, tall, children }: { label: string; tall?: boolean; children: ComponentChildren }) {
  return <div class={`scroll-x ${tall ? "tall" : ""}`} tabIndex={0} role="group" aria-label={label}>{children}</div>;
}
