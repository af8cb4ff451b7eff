/** Makes the viewer; tests put a stub here. */
import { Viewer } from "./viewer/viewer";
import type { ViewerControls } from "./viewer/interface";

let make = (place: HTMLElement): ViewerControls => new Viewer(place);

export function makeViewer(place: HTMLElement): ViewerControls {
  return make(place);
}

export function useViewerMaker(next: (place: HTMLElement) => ViewerControls): void {
  make = next;
}
