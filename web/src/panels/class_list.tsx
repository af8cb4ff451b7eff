/** The classes: what is painted of each, what is predicted. */
import { useState } from "preact/hooks";
import type { ClassInfo } from "../api/types";
import { current, project } from "../state/images";
import { areas, liveOn } from "../state/learn";
import { shortNumber, unitText } from "../state/numbers";
import { question } from "../state/page";
import { classes, classId, currentClass, nextClass, paint, setClasses } from "../state/paint";
import { paintTool } from "../state/view";
import { Button, focusNow } from "./controls";

function change(id: number, part: Partial<ClassInfo>): void {
  void setClasses(classes.value.map((one) => (one.id === id ? { ...one, ...part } : one)));
}

/** Pixels, and the area when the pixel size is known. */
export function areaText(pixels: number): string {
  const size = current.value?.pixel_size;
  const text = `${pixels.toLocaleString("en")} px`;
  return size && pixels > 0 ? `${text} · ${shortNumber(pixels * size.y * size.x)} ${unitText(`${size.unit}2`)}` : text;
}

/** Percent with one digit; what is there is never told as nothing. */
export function percentText(part: number, total: number): string {
  if (total <= 0) return "–";
  const percent = (100 * part) / total;
  return part > 0 && percent < 0.05 ? "< 0.1 %" : `${percent.toFixed(1)} %`;
}

function askToDelete(one: ClassInfo): void {
  question.value = {
    title: "Delete this class?",
    text: `${one.name} leaves the list. A class with which something is painted, on any image, is kept: erase or undo that first.`,
    yes: "Delete the class",
    run: () => void setClasses(classes.value.filter((other) => other.id !== one.id)),
  };
}

/** A line that is there as long as predictions are wanted, so that nothing moves when one comes. */
function Predicted({ one }: { one: ClassInfo }) {
  if (!liveOn.value) return null;
  const found = areas.value;
  const n = found?.areas[one.id] ?? 0;
  const share = found && found.total > 0 ? n / found.total : 0;
  return (
    <div class={`class-predicted ${found?.stale ? "stale" : ""}`} aria-label={found ? `Predicted for ${one.name}` : undefined} role={found ? "group" : undefined}>
      {found && <span class="share-bar" aria-hidden="true"><span style={{ width: `${100 * share}%`, background: one.colour }} /></span>}
      {found && <span class="number share-text">{percentText(n, found.total)}</span>}
      {found && <span class="number quiet share-area" title="Predicted area in this image">{areaText(n)}</span>}
    </div>
  );
}

function ClassRow({ one, at }: { one: ClassInfo; at: number }) {
  const [name, setName] = useState<string | null>(null);
  const chosen = currentClass.value?.id === one.id;
  const readOnly = project.value?.read_only ?? true;
  const rename = (typed: string): void => {
    if (typed.trim() && typed.trim() !== one.name) change(one.id, { name: typed.trim() });
    setName(null);
  };
  return (
    <li class={`class-row ${chosen ? "here" : ""}`}>
      <div class="class-line">
        <input type="color" aria-label={`Colour of ${one.name}`} value={one.colour} disabled={readOnly} onChange={(event) => change(one.id, { colour: event.currentTarget.value.toLowerCase() })} />
        {name === null ? (
          <button type="button" class="class-name" aria-pressed={chosen} title="Click to paint with it, double click to rename" onClick={() => {
            classId.value = one.id;
            if (paintTool.value === "eraser" || paintTool.value === "pan") paintTool.value = "brush";
          }} onDblClick={() => !readOnly && setName(one.name)}>
            <span>{one.name}</span>
          </button>
        ) : (
          <input
            type="text" aria-label={`New name of ${one.name}`} value={name} maxLength={200} ref={focusNow} onInput={(event) => setName(event.currentTarget.value)} onBlur={(event) => rename(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key === "Enter") event.currentTarget.blur();
              else if (event.key === "Escape") {
                event.currentTarget.value = one.name; // leaving the field keeps what is in it
                event.currentTarget.blur();
              }
            }}
          />
        )}
        <span class="number quiet class-area" title={`Painted on this image: ${areaText(paint.value?.areas[one.id] ?? 0)}`}>
          {(paint.value?.areas[one.id] ?? 0).toLocaleString("en")} px <span class="painted-word">painted</span>
        </span>
        {at < 9 && <kbd title={`Key ${at + 1}`}>{at + 1}</kbd>}
        {!readOnly && <Button icon="pencil" label={`Rename ${one.name}`} onClick={() => setName(one.name)} />}
        {!readOnly && <Button icon="trash" label={`Delete ${one.name}`} disabled={classes.value.length < 2} onClick={() => askToDelete(one)} />}
      </div>
      <Predicted one={one} />
    </li>
  );
}

export function Classes() {
  const readOnly = project.value?.read_only ?? true;
  const add = (): void => {
    const next = nextClass(classes.value);
    if (!next) return;
    classId.value = next.id;
    void setClasses([...classes.value, next]);
  };
  return (
    <section aria-label="Classes">
      <ul class="classes">
        {classes.value.map((one, at) => <ClassRow key={one.id} one={one} at={at} />)}
      </ul>
      {!readOnly && <Button icon="plus" label="Add a class" text onClick={add} />}
    </section>
  );
}
