/** Paint: classes with their areas, undo, what the strokes are kept for. */
import { useState } from "preact/hooks";
import { api } from "../api/client";
import type { ClassInfo } from "../api/types";
import { current, project } from "../state/images";
import { count, shortNumber, unitText } from "../state/numbers";
import { question } from "../state/page";
import { classes, classId, currentClass, nextClass, paint, PAINT_LAYER, paintStep, setClasses } from "../state/paint";
import { lookOf, paintTool, plane, setLook } from "../state/view";
import { Button, focusNow } from "./controls";
import { Icon } from "./icons";

function change(id: number, part: Partial<ClassInfo>): void {
  void setClasses(classes.value.map((one) => (one.id === id ? { ...one, ...part } : one)));
}

function areaText(pixels: number): string {
  const size = current.value?.pixel_size;
  const text = `${pixels.toLocaleString("en")} px`;
  return size && pixels > 0 ? `${text} · ${shortNumber(pixels * size.y * size.x)} ${unitText(`${size.unit}2`)}` : text;
}

function askToDelete(one: ClassInfo): void {
  question.value = {
    title: "Delete this class?",
    text: `${one.name} leaves the list. A class with which something is painted, on any image, is kept: erase or undo that first.`,
    yes: "Delete the class",
    run: () => void setClasses(classes.value.filter((other) => other.id !== one.id)),
  };
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
      <span class="number quiet class-area">{areaText(paint.value?.areas[one.id] ?? 0)}</span>
      {at < 9 && <kbd title={`Key ${at + 1}`}>{at + 1}</kbd>}
      {!readOnly && <Button icon="pencil" label={`Rename ${one.name}`} onClick={() => setName(one.name)} />}
      {!readOnly && <Button icon="trash" label={`Delete ${one.name}`} disabled={classes.value.length < 2} onClick={() => askToDelete(one)} />}
    </li>
  );
}

export function PaintPanel() {
  const state = paint.value;
  const image = current.value;
  const look = lookOf("paint");
  const readOnly = project.value?.read_only ?? true;
  const add = (): void => {
    const next = nextClass(classes.value);
    if (!next) return;
    classId.value = next.id;
    void setClasses([...classes.value, next]);
  };
  return (
    <div class="paint">
      {readOnly && project.value && <p class="note warn">{project.value.read_only_reason || "This project is read-only: nothing can be painted."}</p>}
      <section aria-label="Classes">
        <ul class="classes">
          {classes.value.map((one, at) => <ClassRow key={one.id} one={one} at={at} />)}
        </ul>
        {!readOnly && <Button icon="plus" label="Add a class" text onClick={add} />}
      </section>
      <section class="row">
        <Button icon="undo" label="Undo" keys="Ctrl Z" text disabled={!(state?.can_undo ?? false)} onClick={() => paintStep("undo")} />
        <Button icon="redo" label="Redo" keys="Shift Ctrl Z" text disabled={!(state?.can_redo ?? false)} onClick={() => paintStep("redo")} />
        <span class="spring" />
        <span class="quiet number" role="status">{count(state?.n_strokes ?? 0, "stroke")}</span>
      </section>
      <label class="row">
        <span class="setting-name">Opacity</span>
        <input type="range" class="grow" min={5} max={100} value={Math.round(look.opacity * 100)} onInput={(event) => setLook("paint", { opacity: Number(event.currentTarget.value) / 100 })} />
        <output class="number">{Math.round(look.opacity * 100)} %</output>
      </label>
      {image && (
        <p class="quiet">
          Strokes are kept in the project as they are drawn; nothing needs to be saved.{" "}
          <a href={api.paintLabels(image.id, PAINT_LAYER, plane.value.t, plane.value.z)} download=""><Icon name="download" /> As a label image</a>
        </p>
      )}
    </div>
  );
}
