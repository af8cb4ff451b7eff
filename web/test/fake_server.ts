/** A small server in memory for tests of the page: routes answer from `state`, the socket is driven by hand. */
import type {
  ClassInfo, EditAck, ImageEntry, Job, LayerInfo, LearnLook, LearnPrediction, LearnState, ModelInfo, ObjectTableBody, PaintAck, PlanInfo, PreviewRequest, PreviewResult, Project, RecipeInfo, Run, ScoreReport, SearchState, SettingInfo, StepInfo, TrialInfo,
} from "../src/api/types";

import { assay } from "./fake_assay";

export function image(part: Partial<ImageEntry> = {}): ImageEntry {
  return {
    id: "a".repeat(16), name: "one.tif", size_bytes: 1000, uploaded: false, status: "ready", progress: 1, error: "", format: "TIFF", dtype: "uint16",
    n_frames: 1, n_z: 1, height: 600, width: 800, n_levels: 2, colour: false, pixel_size: null, frame_times_s: null, notes: [], n_strokes: 0,
    channels: [{ index: 0, name: "", value_scale: 1, value_offset: 0, low: 100, high: 4000, colour: "#ffffff" }], ...part,
  };
}

export function setting(part: Partial<SettingInfo> = {}): SettingInfo {
  return { name: "smoothing", help: "Sigma.", kind: "number", optional: false, value: 1, default: 1, low: 0, high: 50, unit: "px", choices: [], ...part };
}

export function step(key: string, settings: SettingInfo[], part: Partial<StepInfo> = {}): StepInfo {
  return { key, do: `segment.${key}`, title: key, summary: "Does it.", reads: ["image"], writes: ["labels"], settings, ...part };
}

export function recipe(part: Partial<RecipeInfo> = {}): RecipeInfo {
  return { name: "particles", summary: "Finds them.", channels: [], roles: [], assay: "", reads_image: true, full_size_only: false, steps: [step("threshold", [setting()])], toml: "", ...part };
}

export function layer(name = "labels", part: Partial<LayerInfo> = {}): LayerInfo {
  return {
    name, kind: "labels", url: `/api/v1/x/${name}`, level: 0, n_levels: 1, height: 600, width: 800, value_scale: 1, value_offset: 0, low: 0, high: 65535, colours: {}, names: {}, version: "1", ...part,
  };
}

export function result(part: Partial<PreviewResult> = {}): PreviewResult {
  return {
    type: "preview_result", request: 1, image: "a".repeat(16), key: "k1", level: 0, exact: true, n_objects: 3, seconds: {}, total_ms: 12, layers: [layer()],
    layer_names: ["labels", "mask"], choices: [], warnings: [], histogram: null, settings: {}, ...part,
  };
}

export function prediction(part: Partial<LearnPrediction> = {}): LearnPrediction & { type: "learn_prediction" } {
  const key = part.key ?? "k1";
  return {
    type: "learn_prediction", request: 1, key, image: "a".repeat(16), t: 0, z: 0, model: "live", classes: layer("classes", { kind: "classes", url: `/api/v1/learn/${key}/classes` }),
    uncertainty: layer("uncertainty", { kind: "image", url: `/api/v1/learn/${key}/uncertainty` }), ready: [], complete: false, areas: {}, suggestions: [], seconds: 0.2, notes: [], ...part,
  };
}

export function trial(part: Partial<TrialInfo> = {}): TrialInfo {
  return {
    number: 1, description: "LightGBM, sigma 0.7 to 10", family: "lightgbm", state: "done", miou: 0.72, low: 0.66, high: 0.77, seconds: 1.4, seconds_per_mpx: 0.9, is_best: false, ...part,
  };
}

export function report(part: Partial<ScoreReport> = {}): ScoreReport {
  const score = { precision: 0.9, recall: 0.85, n_px: 900, n_strokes: 4 };
  return {
    method: "Each of 2 images was left out in turn.", miou: 0.72, low: 0.66, high: 0.77, confusion: [[0.93, 0.07], [0.2, 0.8]],
    per_class: [{ class_id: 1, name: "object", iou: 0.8, ...score }, { class_id: 2, name: "background", iou: 0.64, ...score }],
    learning_curve: [[200, 0.5], [400, 0.65], [900, 0.72]], importance: [["gaussian sigma 2", 0.4], ["laplacian sigma 1", 0.1]], warnings: [], ...part,
  };
}

export function search(part: Partial<SearchState> = {}): SearchState {
  return {
    id: "s1", state: "done", budget_s: 30, elapsed_s: 30, n_trials: 2, stage: "", message: "", strokes: "", is_older: false, report: report(),
    leaderboard: [trial({ number: 2, is_best: true }), trial({ description: "random forest", family: "random_forest", miou: 0.69 })], ...part,
  };
}

export function model(part: Partial<ModelInfo> = {}): ModelInfo {
  return {
    name: "phases", path: "granum_project/models/phases.granum-model", sha256: "f".repeat(64), description: "LightGBM", n_channels: 1, n_images: 2, n_strokes: 8, miou: 0.72, low: 0.66, high: 0.77,
    n_bytes: 120_000, saved_at: "2026-11-26T09:30:00Z", problem: "", strokes: "", is_older: false, classes: [{ id: 1, name: "object", colour: "#e69f00" }, { id: 2, name: "background", colour: "#56b4e9" }], ...part,
  };
}

export function learnState(part: Partial<LearnState> = {}): LearnState {
  return {
    painted: [{ image: "a".repeat(16), name: "one.tif", t: 0, z: 0, n_strokes: 4, areas: { 1: 40, 2: 60 } }], problem: "", notes: [], live: "LightGBM on 59 features", search: null, models: [], ...part,
  };
}

export function run(part: Partial<Run> = {}): Run {
  return {
    id: "r1", title: "gold", recipe: "scribbles", assay: "", created: "2026-11-26T09:30:00Z", n_objects: 3, edited: false, settings: {},
    images: [{
      stem: "one", file: "one.tif", image: "a".repeat(16), n_frames: 1, n_objects: [3], has_objects: true, n_edits: 0, pixel_size: null, choices: [[]], warnings: [],
      classes: [[{ id: 1, name: "object", colour: "#e69f00", area_px: 120_000, area_fraction: 0.25 }, { id: 4, name: "rest", colour: "#009e73", area_px: 360_000, area_fraction: 0.75 }]],
    }], ...part,
  };
}

export function objects(n = 3, part: Partial<ObjectTableBody> = {}): ObjectTableBody {
  const list = <T>(make: (at: number) => T): T[] => Array.from({ length: n }, (_, at) => make(at));
  return {
    n_objects: n, version: 1, summary: { n_objects: n, ecd_mean_nm: 12.5, ecd_d50_nm: 12, n_low_confidence: 1 },
    columns: [
      { name: "label", unit: "", meaning: "Label.", values: list((at) => at + 1) },
      { name: "y", unit: "px", meaning: "Row.", values: list((at) => 10 * at) },
      { name: "x", unit: "px", meaning: "Column.", values: list((at) => 5 * at) },
      { name: "ecd_px", unit: "px", meaning: "Diameter.", values: list((at) => 20 + ((at * 7) % 11)) },
      { name: "ecd_nm", unit: "nm", meaning: "Diameter.", values: list((at) => 10 + ((at * 7) % 11) / 2) },
      { name: "confidence", unit: "", meaning: "Confidence.", values: list((at) => (at === 1 ? 0.3 : 1)) },
      { name: "flags", unit: "", meaning: "Flags.", values: list((at) => (at === 0 ? "touches_border" : at === 1 ? "was_split|low_confidence" : "")) },
    ],
    ...part,
  };
}

export function planInfo(part: Partial<PlanInfo> = {}): PlanInfo {
  return {
    patterns: {}, guessed: false, by_order: [], channels: [], channel_problem: "", n_files: 18, n_fields: 6, fields: [], lacking: [], n_lacking: 0, left_over: [], n_left_over: 0, files_problem: "",
    names: [], names_notes: [], names_problem: "", plate_map: null, plate_map_problem: "", ...part,
  };
}

export class FakeSocket {
  static all: FakeSocket[] = [];
  static readonly OPEN = 1;
  readyState = 0;
  sent: string[] = [];
  onopen: (() => void) | null = null;
  onclose: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;

  constructor(readonly url: string) {
    FakeSocket.all.push(this);
  }

  open(): void {
    this.readyState = 1;
    this.onopen?.();
  }

  send(text: string): void {
    this.sent.push(text);
  }

  get requests(): PreviewRequest[] {
    return this.sent.map((text) => JSON.parse(text) as PreviewRequest).filter((one) => one.type === "preview");
  }

  get looks(): LearnLook[] {
    return this.sent.map((text) => JSON.parse(text) as LearnLook).filter((one) => one.type === "learn_look");
  }

  tell(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  close(): void {
    this.readyState = 3;
    this.onclose?.();
  }
}

export interface FakeState {
  project: Project;
  images: ImageEntry[];
  recipes: RecipeInfo[];
  classes: ClassInfo[];
  jobs: Job[];
  learn: LearnState;
  runs: Run[];
  plan: PlanInfo;
  table: ObjectTableBody;
  /** Answers of painting and editing routes. */
  ack: PaintAck;
  /** State of the corrections for whoever asks. */
  edits: EditAck;
}

export function startState(): FakeState {
  return {
    project: { name: "gold", folder: "/data/gold", version: "0.2.0", read_only: false, read_only_reason: "", pixel_size: null, interval_s: null, author: "local", n_cores: 2 },
    images: [image(), image({ id: "b".repeat(16), name: "two.tif" })],
    recipes: [recipe()],
    classes: [{ id: 1, name: "object", colour: "#e69f00" }, { id: 2, name: "background", colour: "#56b4e9" }],
    learn: learnState(), jobs: [], runs: [], plan: planInfo(), table: objects(),
    ack: { version: 1, dirty: [0, 0, 10, 10], n_strokes: 1, can_undo: true, can_redo: false },
    edits: { version: 3, dirty: [], n_objects: 3, n_edits: 3, can_undo: true, can_redo: true, new_labels: [] },
  };
}

export interface Call { method: string; path: string; body: unknown }

/** Put the fake in place of fetch and WebSocket; `fail` makes a route answer with an error once per entry. */
export function installFake(state: FakeState = startState()) {
  const calls: Call[] = [];
  const failures: { match: RegExp; status: number; body: unknown }[] = [];
  FakeSocket.all = [];
  const answers: [RegExp, () => unknown][] = [
    [/\/plan$/, () => state.plan], [/\/plate-maps$/, () => ({ files: ["map.csv"] })], [/\/plate-maps\//, () => ({ name: "map.csv", text: "well\nB02\n" })],
    [/\/learn$/, () => state.learn], [/\/learn\/search/, () => state.learn.search ?? search()], [/\/learn\/models/, () => model()],
    [/\/project$/, () => state.project], [/\/images$/, () => ({ images: state.images })], [/\/recipes$/, () => ({ recipes: state.recipes })],
    [/\/classes$/, () => ({ classes: state.classes })], [/\/jobs$/, () => ({ jobs: state.jobs })], [/\/runs$/, () => ({ runs: state.runs })],
    [/\/runs\/[^/]+\/assay/, () => assay()], [/\/runs\/[^/]+\/images\/[^/]+\/classes/, () => layer("classes", { kind: "classes" })], [/\/runs\/[^/]+$/, () => state.runs[0]], [/\/objects/, () => state.table], [/\/labels\?/, () => layer()], [/\/histogram/, () => ({ low: 0, high: 100, counts: [1, 2, 3], threshold: null })],
    [/\/edits/, () => state.edits], [/\/(strokes|undo|redo)/, () => state.ack], [/\/changes/, () => ({ version: state.ack.version, dirty: [[0, 0, 5, 5]] })],
    [/\/paint\//, () => ({ layer: layer("paint", { kind: "classes" }), version: 0, n_strokes: 0, can_undo: false, can_redo: false, areas: { 1: 40 } })],
    [/\/pixel/, () => ({ values: [7] })],
  ];
  globalThis.fetch = (async (input: RequestInfo | URL, init?: RequestInit) => {
    const path = String(input).replace(/^.*\/api\/v1/, "");
    calls.push({ method: init?.method ?? "GET", path, body: typeof init?.body === "string" ? JSON.parse(init.body) : init?.body });
    const failure = failures.findIndex((one) => one.match.test(path));
    if (failure >= 0) {
      const { status, body } = failures.splice(failure, 1)[0] as { status: number; body: unknown };
      if (status === 0) throw new TypeError("no network");
      return new Response(JSON.stringify(body), { status });
    }
    const answer = answers.find(([match]) => match.test(path));
    if (!answer) return new Response(JSON.stringify({ error: { code: "not_found", message: `No ${path}.` } }), { status: 404 });
    return new Response(JSON.stringify(answer[1]()), { status: 200 });
  }) as typeof fetch;
  globalThis.WebSocket = FakeSocket as unknown as typeof WebSocket;
  const fail = (match: RegExp, status: number, message = "It cannot be done.", code = "wrong"): void => {
    failures.push({ match, status, body: { error: { code, message } } });
  };
  return { state, calls, fail, socket: () => FakeSocket.all.at(-1) as FakeSocket };
}

/** Let everything that is waiting go on. */
export async function settle(ms = 0): Promise<void> {
  for (let at = 0; at < 4; at++) await new Promise((resolve) => setTimeout(resolve, ms));
}
