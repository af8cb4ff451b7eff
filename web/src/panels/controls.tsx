/** The few controls that everything is made of: buttons, segmented choices, help that opens beside its button, dialogs. */
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { Icon, type IconName } from "./icons";

interface ButtonProps {
  icon?: IconName;
  label: string;
  onClick: () => void;
  /** Shows the label beside the icon. */
  text?: boolean;
  pressed?: boolean;
  disabled?: boolean;
  kind?: "primary" | "plain" | "danger";
  keys?: string;
  class?: string;
}

export function Button({ icon, label, onClick, text, pressed, disabled, kind = "plain", keys, class: extra }: ButtonProps) {
  const name = keys ? `${label} (${keys})` : label;
  return (
    <button
      type="button"
      class={`button ${kind} ${icon && !text ? "only-icon" : ""} ${extra ?? ""}`}
      title={text ? keys && name : name}
      aria-label={icon && !text ? label : undefined}
      aria-pressed={pressed}
      disabled={disabled}
      onClick={onClick}
    >
      {icon && <Icon name={icon} />}
      {text || !icon ? <span>{label}</span> : null}
    </button>
  );
}

/** For `ref`: a field that appears has the focus at once, or what is typed would be taken for keys of the page. */
export function focusNow(field: HTMLInputElement | null): void {
  if (!field || field.dataset["focused"]) return;
  field.dataset["focused"] = "1";
  field.focus();
  field.select();
}

interface SegmentedProps {
  label: string;
  labelledBy?: string;
  choices: { value: string; text: string; icon?: IconName; title?: string }[];
  value: string;
  onChange: (value: string) => void;
}

/** One of a few: native radio buttons, so the arrow keys do what they do everywhere. */
export function Segmented({ label, labelledBy, choices, value, onChange }: SegmentedProps) {
  const group = useId();
  return (
    <div class="segmented" role="radiogroup" aria-label={labelledBy ? undefined : label} aria-labelledby={labelledBy}>
      {choices.map((choice) => (
        <label key={choice.value} title={choice.title ?? (choice.icon ? choice.text : undefined)}>
          <input
            type="radio" name={group} value={choice.value} checked={choice.value === value}
            onChange={() => onChange(choice.value)} aria-label={choice.icon ? choice.text : undefined}
          />
          <span>{choice.icon ? <Icon name={choice.icon} /> : choice.text}</span>
        </label>
      ))}
    </div>
  );
}

/** Text that opens beside its button; Escape or a click elsewhere closes it. */
export function Popover({ label, icon = "info", children, text, class: extra }: {
  label: string; icon?: IconName; children: ComponentChildren; text?: string; class?: string;
}) {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const body = useRef<HTMLDivElement>(null);
  const place = (event: Event): void => {
    const [at, box] = [button.current, body.current];
    if (!at || !box || (event as ToggleEvent).newState !== "open") return;
    const [anchor, size] = [at.getBoundingClientRect(), box.getBoundingClientRect()];
    const left = Math.max(8, Math.min(anchor.left - 12, window.innerWidth - size.width - 8));
    const below = anchor.bottom + 6 + size.height < window.innerHeight;
    box.style.left = `${left}px`;
    box.style.top = `${below ? anchor.bottom + 6 : Math.max(8, anchor.top - size.height - 6)}px`;
  };
  return (
    <>
      <button
        ref={button} type="button" class={`button plain ${text ? "" : "only-icon"} ${extra ?? ""}`} aria-label={text ? undefined : label}
        title={label} popovertarget={id}
      >
        <Icon name={icon} />
        {text && <span>{text}</span>}
      </button>
      <div ref={body} id={id} popover="auto" class="popover" role="group" aria-label={label} onToggle={place}>
        {children}
      </div>
    </>
  );
}

/** A modal dialog; `onClose` is called however it is closed. */
export function Dialog({ title, onClose, children }: { title: string; onClose: () => void; children: ComponentChildren }) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    ref.current?.showModal();
  }, []);
  return (
    <dialog ref={ref} class="dialog" aria-labelledby={id} onClose={onClose} onClick={(event) => event.target === ref.current && ref.current?.close()}>
      <header>
        <h2 id={id}>{title}</h2>
        <Button icon="close" label="Close" onClick={() => ref.current?.close()} />
      </header>
      <div class="dialog-body">{children}</div>
    </dialog>
  );
}

export function Field({ label, children, hint }: { label: string; children: ComponentChildren; hint?: ComponentChildren }) {
  return (
    <label class="field">
      <span class="field-name">{label}</span>
      {children}
      {hint && <span class="hint">{hint}</span>}
    </label>
  );
}

/** A bar that fills; the text beside it says the same to those who do not see it. */
export function Progress({ share, label }: { share: number; label: string }) {
  return <progress class="progress" max={1} value={share} aria-label={label} />;
}
