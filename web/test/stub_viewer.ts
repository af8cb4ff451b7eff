/** A viewer that draws nothing and remembers what it was told. */
import type { CameraState, Marker, OverlayView, ToolView, ViewerControls } from "../src/viewer/interface";

export class StubViewer implements ViewerControls {
  overlays: OverlayView[] = [];
  tool: ToolView | null = null;
  markers: Marker[] = [];
  image: string | null = null;
  calls: unknown[][] = [];
  at: CameraState = { y: 0, x: 0, zoom: 1, level: 0 };
  listeners: Record<string, (...values: never[]) => void> = {};

  private on = (name: string) => (listener: (...values: never[]) => void) => {
    this.listeners[name] = listener;
    return () => void delete this.listeners[name];
  };

  onCursor = this.on("cursor") as ViewerControls["onCursor"];
  onCamera = this.on("camera") as ViewerControls["onCamera"];
  onStroke = this.on("stroke") as ViewerControls["onStroke"];
  onPick = this.on("pick") as ViewerControls["onPick"];
  onShape = this.on("shape") as ViewerControls["onShape"];
  onSettled = this.on("settled") as ViewerControls["onSettled"];
  setImage = (image: { id: string } | null): void => void (this.image = image?.id ?? null);
  setChannels = (): void => {};
  setOverlays = (list: OverlayView[]): void => void (this.overlays = list);
  setTool = (tool: ToolView): void => void (this.tool = tool);
  setMarkers = (list: Marker[]): void => void (this.markers = list);
  refresh = (id: string, dirty: number[], version: string): Promise<void> => {
    this.calls.push(["refresh", id, dirty, version]);
    return Promise.resolve();
  };
  settle = (id: string): void => void this.calls.push(["settle", id]);
  fit = (): void => void this.calls.push(["fit"]);
  zoomBy = (factor: number): void => void this.calls.push(["zoomBy", factor]);
  zoomTo = (zoom: number): void => void this.calls.push(["zoomTo", zoom]);
  centreOn = (y: number, x: number, zoom?: number): void => void this.calls.push(["centreOn", y, x, zoom]);
  camera = (): CameraState => this.at;
  visible = (): [number, number, number, number] => [0, 0, 600, 800];
  labelColour = (): string => "#123456";
  destroy = (): void => void this.calls.push(["destroy"]);
}
