/** What keys do. */
import { current, stepImage } from "./images";
import { editSelected, editStep } from "./edits";
import { stepSuggestion } from "./learn";
import { actionOf, belongsToField, type Action } from "./keys";
import { keysShown, question, signedOut, tab } from "./page";
import { classes, classId, paint, paintStep } from "./paint";
import { reviewStep } from "./review";
import { viewer } from "./stage";
import { brushRadius, editRadius, lookOf, nextRadius, overlaysOn, paintTool, plane, playing, resultTool, setLook, setPlane, spaceHeld } from "./view";
import { sourceRun } from "./results";

function move(dy: number, dx: number): void {
  const view = viewer.value;
  if (!view) return;
  const at = view.camera();
  view.centreOn(at.y + (dy * 80) / at.zoom, at.x + (dx * 80) / at.zoom);
}

function arrow(axis: "t" | "z", by: 1 | -1): void {
  const image = current.value;
  const several = image && (axis === "t" ? image.n_frames : image.n_z) > 1;
  if (several) setPlane({ [axis]: plane.value[axis] + by });
  else if (axis === "t") move(0, by);
  else move(by, 0);
}

export function act(action: Action): void {
  if (action.startsWith("class_")) {
    const chosen = classes.value[Number(action.slice(6)) - 1];
    if (chosen) {
      classId.value = chosen.id;
      if (paintTool.value === "eraser") paintTool.value = "brush";
    }
    return;
  }
  const onRun = tab.value === "results" && sourceRun.value !== "";
  const radius = tab.value === "paint" ? brushRadius : editRadius;
  switch (action) {
    case "brush": case "eraser": case "fill": case "polygon": paintTool.value = action; break;
    case "select": case "lasso": resultTool.value = action; break;
    case "split": if (onRun) resultTool.value = "split"; break;
    case "smaller": radius.value = nextRadius(radius.value, -1); break;
    case "larger": radius.value = nextRadius(radius.value, 1); break;
    case "undo": case "redo":
      if (tab.value === "paint") {
        if (paint.value?.[action === "undo" ? "can_undo" : "can_redo"]) paintStep(action);
      }
      else if (onRun) editStep(action);
      break;
    case "delete": if (onRun) editSelected("delete"); break;
    case "merge": if (onRun) editSelected("merge"); break;
    case "prediction": case "uncertainty": setLook(action, { visible: !lookOf(action).visible }); break;
    case "next_place": stepSuggestion(1); break;
    case "overlays": overlaysOn.value = !overlaysOn.value; break;
    case "fit": viewer.value?.fit(); break;
    case "zoom_in": viewer.value?.zoomBy(1.5); break;
    case "zoom_out": viewer.value?.zoomBy(1 / 1.5); break;
    case "left": arrow("t", -1); break;
    case "right": arrow("t", 1); break;
    case "up": arrow("z", -1); break;
    case "down": arrow("z", 1); break;
    case "next_image": stepImage(1); break;
    case "previous_image": stepImage(-1); break;
    case "next_doubtful": reviewStep(1); break;
    case "previous_doubtful": reviewStep(-1); break;
    case "keys": keysShown.value = !keysShown.value; break;
    case "pan": spaceHeld.value = true; break;
    default: break;
  }
}

/** Listen to the keyboard; returns what stops it. */
export function listenToKeys(): () => void {
  const down = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || signedOut.value || question.value || belongsToField(event.target, event.key)) return;
    const action = actionOf({ key: event.key, ctrl: event.ctrlKey || event.metaKey, shift: event.shiftKey, alt: event.altKey }, tab.value);
    if (!action || (event.repeat && action === "pan")) {
      if (action) event.preventDefault();
      return;
    }
    event.preventDefault();
    if (action === "left" || action === "right") playing.value = false;
    act(action);
  };
  const up = (event: KeyboardEvent): void => {
    if (event.key === " ") spaceHeld.value = false;
  };
  const blur = (): void => void (spaceHeld.value = false);
  window.addEventListener("keydown", down);
  window.addEventListener("keyup", up);
  window.addEventListener("blur", blur);
  return () => {
    window.removeEventListener("keydown", down);
    window.removeEventListener("keyup", up);
    window.removeEventListener("blur", blur);
  };
}
