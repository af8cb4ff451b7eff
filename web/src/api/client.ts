/** The routes of the server as typed functions; every error is an `ApiError` with the server's own sentence. */
import type {
  AssayBody, ClassList, EditAck, EditRequest, HistogramInfo, ImageEntry, ImageList, Job, JobList, LayerInfo,
  LearnState, MapFileList, MapText, ModelInfo, ModelRequest, ObjectTableBody, PaintAck, PaintChanges, PaintState,
  PixelReading, PlanInfo, PlanRequest, Project, ProjectChange, RecipeInfo, RecipeList, RecipeRequest, Run, RunList,
  RunRequest, Scripts, SearchRequest, SearchState, Stroke, Uploaded,
} from "./types";

/** Status 0 means that no answer came. */
export class ApiError extends Error {
  constructor(readonly status: number, readonly code: string, message: string) {
    super(message);
  }

  /** Whether asking again may help: no answer, or the server was busy. */
  get passing(): boolean {
    return this.status === 0 || this.status === 429 || this.status === 502 || this.status === 503 || this.status === 504;
  }
}

let unauthorised = (): void => {};

/** Call `listener` whenever the server no longer knows this browser. */
export function whenUnauthorised(listener: () => void): void {
  unauthorised = listener;
}

/** Address of a route, relative to the page, so that the app works below any path. */
export function address(path: string): string {
  return new URL(`api/v1${path}`, document.baseURI).href;
}

const part = encodeURIComponent;

/** Return the error that a response stands for; answers that are not ours (a proxy's page) get a sentence too. */
export function errorOf(status: number, text: string): ApiError {
  try {
    const body = JSON.parse(text) as { error?: { code?: unknown; message?: unknown } };
    if (typeof body.error?.message === "string") {
      return new ApiError(status, String(body.error.code ?? "error"), body.error.message);
    }
  } catch {
    // not JSON: the sentence below says what there is to say
  }
  return new ApiError(status, "unclear", `The server answered ${status} without saying why.`);
}

const NO_ANSWER = "The server does not answer; is granum app still running in the terminal?";

/** Send a request and return its JSON body (undefined for 204); a file goes as its raw bytes. */
export async function request<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  let response: Response;
  try {
    const init: RequestInit = { method, credentials: "same-origin" };
    if (signal) init.signal = signal;
    if (body instanceof Blob) {
      init.body = body;
      init.headers = { "Content-Type": "application/octet-stream" };
    } else if (body !== undefined) {
      init.body = JSON.stringify(body);
      init.headers = { "Content-Type": "application/json" };
    }
    response = await fetch(address(path), init);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, "no_answer", NO_ANSWER);
  }
  if (response.status === 401) unauthorised();
  if (!response.ok) throw errorOf(response.status, await response.text());
  return (response.status === 204 ? undefined : await response.json()) as T;
}

/** Upload one file as raw bytes, with progress from 0 to 1. */
export function upload(file: File, onProgress: (share: number) => void, signal?: AbortSignal): Promise<Uploaded> {
  return new Promise((resolve, reject) => {
    const call = new XMLHttpRequest();
    call.open("POST", address(`/images?name=${part(file.name)}`));
    call.setRequestHeader("Content-Type", "application/octet-stream");
    call.upload.onprogress = (event) => onProgress(event.total ? event.loaded / event.total : 0);
    call.onload = () => {
      if (call.status === 401) unauthorised();
      if (call.status >= 200 && call.status < 300) resolve(JSON.parse(call.responseText) as Uploaded);
      else reject(errorOf(call.status, call.responseText));
    };
    call.onerror = () => reject(new ApiError(0, "no_answer", `${file.name} was not uploaded: the connection broke.`));
    call.onabort = () => reject(new ApiError(0, "aborted", `The upload of ${file.name} was stopped.`));
    signal?.addEventListener("abort", () => call.abort());
    call.send(file);
  });
}

const paintPath = (image: string, layer: string): string => `/images/${part(image)}/paint/${part(layer)}`;
const editPath = (run: string, stem: string): string => `/runs/${part(run)}/images/${part(stem)}`;

/** A file of a run folder: the path keeps its slashes. `asRun`: without corrections by hand, which may have to be worked in first. */
export function runFile(run: string, path: string, asRun = false): string {
  return address(`/runs/${part(run)}/files/${path.split("/").map(part).join("/")}${asRun ? "?as_run=true" : ""}`);
}

export const api = {
  project: () => request<Project>("GET", "/project"),
  changeProject: (change: ProjectChange) => request<Project>("PATCH", "/project", change),
  images: () => request<ImageList>("GET", "/images"),
  image: (id: string) => request<ImageEntry>("GET", `/images/${part(id)}`),
  addSample: () => request<Uploaded>("POST", "/images/sample"),
  removeImage: (id: string) => request<void>("DELETE", `/images/${part(id)}`),
  thumbnail: (id: string) => address(`/images/${part(id)}/thumbnail`),
  pixel: (id: string, y: number, x: number, t: number, z: number, signal?: AbortSignal) =>
    request<PixelReading>("GET", `/images/${part(id)}/pixel?y=${y}&x=${x}&t=${t}&z=${z}`, undefined, signal),
  histogram: (id: string, t: number, c: number, z: number) =>
    request<HistogramInfo>("GET", `/images/${part(id)}/histogram?t=${t}&c=${c}&z=${z}`),
  recipes: () => request<RecipeList>("GET", "/recipes"),
  checkRecipe: (recipe: RecipeRequest) => request<RecipeInfo>("POST", "/recipes/check", recipe),
  saveRecipe: (name: string, recipe: RecipeRequest) => request<RecipeInfo>("PUT", `/recipes/${part(name)}`, recipe),
  plan: (plan: PlanRequest) => request<PlanInfo>("POST", "/plan", plan),
  plateMaps: () => request<MapFileList>("GET", "/plate-maps"),
  plateMap: (name: string) => request<MapText>("GET", `/plate-maps/file?name=${part(name)}`),
  plateMapText: (name: string, file: Blob) => request<MapText>("POST", `/plate-maps/text?name=${part(name)}`, file),
  previewObjects: (key: string) => request<ObjectTableBody>("GET", `/previews/${part(key)}/objects`),
  classes: () => request<ClassList>("GET", "/classes"),
  setClasses: (list: ClassList) => request<ClassList>("PUT", "/classes", list),
  paint: (image: string, layer: string, t: number, z: number) =>
    request<PaintState>("GET", `${paintPath(image, layer)}?t=${t}&z=${z}`),
  stroke: (image: string, layer: string, stroke: Stroke) =>
    request<PaintAck>("POST", `${paintPath(image, layer)}/strokes`, stroke),
  paintStep: (image: string, layer: string, step: "undo" | "redo", t: number, z: number, id: string) =>
    request<PaintAck>("POST", `${paintPath(image, layer)}/${step}?t=${t}&z=${z}&id=${part(id)}`),
  paintChanges: (image: string, layer: string, t: number, z: number, since: number) =>
    request<PaintChanges>("GET", `${paintPath(image, layer)}/changes?t=${t}&z=${z}&since=${since}`),
  paintLabels: (image: string, layer: string, t: number, z: number) =>
    address(`${paintPath(image, layer)}/labels.tif?t=${t}&z=${z}`),
  learn: () => request<LearnState>("GET", "/learn"),
  startSearch: (search: SearchRequest) => request<SearchState>("POST", "/learn/search", search),
  stopSearch: () => request<SearchState>("POST", "/learn/search/stop"),
  keepModel: (model: ModelRequest) => request<ModelInfo>("POST", "/learn/models", model),
  sendModel: (name: string, file: Blob) => request<ModelInfo>("PUT", `/learn/models?name=${part(name)}`, file),
  deleteModel: (name: string) => request<void>("DELETE", `/learn/models/${part(name)}`),
  modelFile: (name: string) => address(`/learn/models/${part(name)}/file`),
  startJob: (run: RunRequest) => request<Job>("POST", "/jobs", run),
  jobs: () => request<JobList>("GET", "/jobs"),
  jobStep: (id: string, step: "cancel" | "resume") => request<Job>("POST", `/jobs/${part(id)}/${step}`),
  scripts: (run: RunRequest) => request<Scripts>("POST", "/scripts", run),
  runs: () => request<RunList>("GET", "/runs"),
  run: (id: string) => request<Run>("GET", `/runs/${part(id)}`),
  runAssay: (id: string, corrected: boolean) => request<AssayBody>("GET", `/runs/${part(id)}/assay${corrected ? "?corrected=true" : ""}`),
  deleteRun: (id: string) => request<void>("DELETE", `/runs/${part(id)}`),
  runScripts: (id: string) => request<Scripts>("GET", `/runs/${part(id)}/scripts`),
  runObjects: (run: string, stem: string, t: number) =>
    request<ObjectTableBody>("GET", `${editPath(run, stem)}/objects?t=${t}`),
  runLabels: (run: string, stem: string, t: number) => request<LayerInfo>("GET", `${editPath(run, stem)}/labels?t=${t}`),
  runClasses: (run: string, stem: string, t: number) => request<LayerInfo>("GET", `${editPath(run, stem)}/classes?t=${t}`),
  edit: (run: string, stem: string, t: number, edit: EditRequest) =>
    request<EditAck>("POST", `${editPath(run, stem)}/edits?t=${t}`, edit),
  editStep: (run: string, stem: string, t: number, step: "undo" | "redo", id: string) =>
    request<EditAck>("POST", `${editPath(run, stem)}/edits/${step}?t=${t}&id=${part(id)}`),
  editState: (run: string, stem: string, t: number) => request<EditAck>("GET", `${editPath(run, stem)}/edits?t=${t}`),
  downloadRun: (run: string) => address(`/runs/${part(run)}/download`),
  exportRun: (run: string, format: "imagej-rois" | "coco" | "geojson" | "ome-zarr") =>
    address(`/runs/${part(run)}/export/${format}`),
};
