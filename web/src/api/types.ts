// Made by `python -m granum.app.typescript` from src/granum/app/messages.py; do not edit.

/** The result of an assay. */
export interface AssayBody {
  kind: "live-dead" | "confluency";
  before_corrections: boolean;
  time_unit: string;
  numbers: AssayNumber[];
  measures: AssayMeasure[];
  images: AssayImage[];
  wells: AssayWell[];
  curves: AssayCurve[];
  survival: AssaySurvival[];
  fits: AssayFit[];
  quality: AssayQuality[];
  review: AssayReview[];
  videos: string[];
  notes: string[];
}

/** A measure over time, of a field, a well or a condition. */
export interface AssayCurve {
  level: "field" | "well" | "condition";
  name: string;
  measure: string;
  time: number[];
  value: (number | null)[];
  low: (number | null)[];
  high: (number | null)[];
  n: number[];
  plate: string;
}

/** A model fitted to a curve; without parameters it was refused, and the note says why. */
export interface AssayFit {
  level: "field" | "well" | "condition";
  name: string;
  measure: string;
  model: string;
  parameters: Record<string, AssayInterval>;
  aic: number | null;
  time: number[];
  value: (number | null)[];
  note: string;
  plate: string;
}

/** One image and frame: where and when it was taken. */
export interface AssayImage {
  file: string;
  stem: string;
  frame: number;
  plate: string;
  well: string;
  field: string;
  time: number | null;
  condition: string;
  values: Record<string, number | null>;
}

/** A number with its 95 % interval; null where it cannot be given. */
export interface AssayInterval {
  value: number | null;
  low: number | null;
  high: number | null;
}

/** What can be shown on a plate or over time; the values of "%" are shares, 0 to 1. */
export interface AssayMeasure {
  name: string;
  title: string;
  unit: string;
}

/** One of the numbers at the head, the most important first: the same as in the report. */
export interface AssayNumber {
  name: string;
  value: string;
  unit: string;
  below: string;
}

/** How well the controls of a plate are told apart. */
export interface AssayQuality {
  plate: string;
  measure: string;
  time: number | null;
  z_prime: number | null;
  ssmd: number | null;
  n_positive: number;
  n_negative: number;
  note: string;
  verdict: string;
}

/** An image that somebody should look at; the most doubtful first. */
export interface AssayReview {
  file: string;
  stem: string;
  frame: number;
  overlay: string;
  well: string;
  time: number | null;
  doubt: number;
  why: string;
}

/** A Kaplan-Meier curve. */
export interface AssaySurvival {
  level: "field" | "well" | "condition";
  name: string;
  time: number[];
  survival: number[];
  low: (number | null)[];
  high: (number | null)[];
  at_risk: number[];
  n_deaths: number;
  n_censored: number;
  median: AssayInterval;
  plate: string;
}

/** A well that has images; `row` and `column` count from 1, 0 where the name is no well. */
export interface AssayWell {
  plate: string;
  well: string;
  row: number;
  column: number;
  condition: string;
  curve: string;
  replicate: string;
  control: string;
  dose: number | null;
  n_fields: number;
  n_times: number;
}

/** One channel; tile values `v` (uint16) mean `value_offset + value_scale * v` grey levels of the file. */
export interface ChannelInfo {
  index: number;
  name: string;
  value_scale: number;
  value_offset: number;
  low: number;
  high: number;
  colour: string;
}

/** What a step chose by itself, and why: `granum.choice.Choice`. */
export interface ChoiceInfo {
  about: string;
  chosen: Record<string, unknown>;
  reason: string;
  candidates: Record<string, unknown>[];
}

/** One class of an image of a run, and how much of the analysed area it has. */
export interface ClassArea {
  id: number;
  name: string;
  colour: string;
  area_px: number;
  area_fraction: number;
}

/** One class of the painter. */
export interface ClassInfo {
  id: number;
  name: string;
  colour: string;
}

/** All classes of the project. */
export interface ClassList {
  classes: ClassInfo[];
}

/** Scores of one class on what the model had not seen. */
export interface ClassScore {
  class_id: number;
  name: string;
  iou: number;
  precision: number;
  recall: number;
  n_px: number;
  n_strokes: number;
}

/** One column of a table; `values` has one entry per object, floats with seven significant digits. */
export interface ColumnInfo {
  name: string;
  unit: string;
  meaning: string;
  values: unknown[];
}

/** Answer to an edit, an undo or a redo. */
export interface EditAck {
  version: number;
  dirty: number[];
  n_objects: number;
  n_edits: number;
  can_undo: boolean;
  can_redo: boolean;
  new_labels: number[];
}

/** One correction by hand of the labels of one frame of a run; see `granum.separate.edits`. */
export interface EditRequest {
  id: string;
  op: "delete" | "merge" | "split" | "draw" | "erase" | "fill";
  labels?: number[];
  points?: [number, number][];
  radius?: number;
}

/** The one shape of every error response. */
export interface ErrorBody {
  error: ErrorInfo;
}

/** One error; `message` is a sentence for people. */
export interface ErrorInfo {
  code: string;
  message: string;
}

/** Counts of grey levels; bin i covers edges low + i * (high - low) / n to the next. */
export interface HistogramInfo {
  low: number;
  high: number;
  counts: number[];
  threshold: number | null;
}

/** One image of the project. */
export interface ImageEntry {
  id: string;
  name: string;
  size_bytes: number;
  uploaded: boolean;
  status: "waiting" | "reading" | "ready" | "failed";
  progress: number;
  error: string;
  format: string;
  dtype: string;
  n_frames: number;
  n_z: number;
  height: number;
  width: number;
  n_levels: number;
  channels: ChannelInfo[];
  colour: boolean;
  pixel_size: PixelSizeInfo | null;
  frame_times_s: number[] | null;
  notes: string[];
  n_strokes: number;
}

/** All images, sorted as people count. */
export interface ImageList {
  images: ImageEntry[];
}

/** A run that goes on, or has ended. */
export interface Job {
  id: string;
  title: string;
  recipe: string;
  state: "queued" | "running" | "done" | "failed" | "cancelled" | "interrupted";
  done: number;
  total: number;
  current: string;
  created: string;
  finished: string;
  seconds: number;
  error: string;
  items: JobItem[];
  failures: string[];
}

/** One image and frame of a job that is done. */
export interface JobItem {
  file: string;
  frame: number;
  n_objects: number;
  warnings: string[];
  error: string;
}

/** All jobs, newest first. */
export interface JobList {
  jobs: Job[];
}

/** Something to look at: tiles of 512 x 512 at `{level}/{y}/{x}` of `url`, or points. Bodies of tiles are raw, little-endian, rows first: image uint16; mask and classes uint8; labels uint32. Mask, labels and classes come with one pixel more on every side (514 x 514 for a full tile), so that outlines close over tile borders; what lies outside the image repeats its edge. `X-Tile-Shape: rows,columns` says what came. Points are float32 pairs (y, x) from `url` itself. 204 means: nothing but zeros. */
export interface LayerInfo {
  name: string;
  kind: "image" | "mask" | "labels" | "classes" | "points";
  url: string;
  level: number;
  n_levels: number;
  height: number;
  width: number;
  value_scale: number;
  value_offset: number;
  low: number;
  high: number;
  colours: Record<string, string>;
  names: Record<string, string>;
  version: string;
}

/** The socket message `learn_error`: what was looked at cannot be predicted; look again, or paint on. Codes as for previews; "crashed" when the process that learns has died, and the next look starts it anew. That nothing can be learnt yet is no error, but `LearnState.problem`. */
export interface LearnError {
  request: number;
  code: string;
  message: string;
}

/** What a page looks at: predict this first. Sent by the page over the socket; the newest of a client wins. */
export interface LearnLook {
  type?: "learn_look";
  request: number;
  on?: boolean;
  image?: string;
  t?: number;
  z?: number;
  view?: number[];
  model?: string;
}

/** The socket message `learn_prediction`: a prediction begins, has gone on, or is complete. */
export interface LearnPrediction {
  request: number;
  key: string;
  image: string;
  t: number;
  z: number;
  model: string;
  classes: LayerInfo;
  uncertainty: LayerInfo;
  ready: number[][];
  complete: boolean;
  areas: Record<string, number>;
  suggestions: Suggestion[];
  seconds: number;
  notes: string[];
}

/** Everything about learning in this project; also sent as the message `learn` whenever it changes. */
export interface LearnState {
  painted: PaintedPlane[];
  problem: string;
  notes: string[];
  live: string;
  search: SearchState | null;
  models: ModelInfo[];
}

/** Tables in the folder that may be plate maps. */
export interface MapFileList {
  files: string[];
}

/** The text of a plate map, whatever its encoding was. */
export interface MapText {
  name: string;
  text: string;
}

/** One well of a plate map. */
export interface MapWell {
  plate: string;
  well: string;
  condition: string;
  dose: number | null;
  control: string;
}

/** A saved model of the project. */
export interface ModelInfo {
  name: string;
  path: string;
  sha256: string;
  description: string;
  classes: ClassInfo[];
  n_channels: number;
  n_images: number;
  n_strokes: number;
  miou: number | null;
  low: number | null;
  high: number | null;
  n_bytes: number;
  saved_at: string;
  problem: string;
  strokes: string;
  is_older: boolean;
}

/** Keep a model in the project under a name. */
export interface ModelRequest {
  name: string;
  model: "live" | "search";
}

/** The objects of one plane, column by column, as objects.csv would have them. */
export interface ObjectTableBody {
  n_objects: number;
  version: number;
  columns: ColumnInfo[];
  summary: Record<string, number | null>;
}

/** Answer to a stroke, an undo or a redo; the same goes to every other client as a socket message. */
export interface PaintAck {
  version: number;
  dirty: number[];
  n_strokes: number;
  can_undo: boolean;
  can_redo: boolean;
}

/** What changed since a version. */
export interface PaintChanges {
  version: number;
  dirty: number[][];
}

/** A layer of strokes of one plane. */
export interface PaintState {
  layer: LayerInfo;
  version: number;
  n_strokes: number;
  can_undo: boolean;
  can_redo: boolean;
  areas: Record<string, number>;
}

/** A plane with strokes: what is learnt from. */
export interface PaintedPlane {
  image: string;
  name: string;
  t: number;
  z: number;
  n_strokes: number;
  areas: Record<string, number>;
}

/** Exact grey levels under the cursor, one per channel, as the file has them. */
export interface PixelReading {
  values: (number | null)[];
}

/** Size of a pixel and where it came from. */
export interface PixelSizeInfo {
  y: number;
  x: number;
  unit: "nm" | "um" | "mm";
  source: "file" | "typed" | "scale bar";
}

/** Where the channel of a role is for the image on screen. */
export interface PlanChannel {
  role: string;
  index: number | null;
  stain: string;
  file: string;
  by_name: boolean;
}

/** One field whose channels are files of their own. */
export interface PlanField {
  files: Record<string, string>;
  lacks: string[];
}

/** What a run would be. Each `..._problem` is one sentence, or "" when all is well. */
export interface PlanInfo {
  patterns: Record<string, string>;
  guessed: boolean;
  by_order: string[];
  channels: PlanChannel[];
  channel_problem: string;
  n_files: number;
  n_fields: number;
  fields: PlanField[];
  lacking: PlanField[];
  n_lacking: number;
  left_over: string[];
  n_left_over: number;
  files_problem: string;
  names: PlanName[];
  names_notes: string[];
  names_problem: string;
  plate_map: PlateMapInfo | null;
  plate_map_problem: string;
}

/** What the name of a file says. */
export interface PlanName {
  file: string;
  plate: string;
  well: string;
  field: string;
  time: string;
}

/** Look at what a run would be, without starting it; all images of the project unless some are named. */
export interface PlanRequest {
  recipe?: string;
  toml?: string | null;
  settings?: Record<string, boolean | number | string | number[] | null>;
  images?: string[] | null;
  channels?: Record<string, number | null>;
  patterns?: Record<string, string>;
  complete_only?: boolean;
  z?: number | null;
  names?: string | null;
  plate_map?: string | null;
  video?: boolean;
  jobs?: number | null;
  title?: string;
  image?: string | null;
  guess?: boolean;
}

/** A plate map as it was understood. */
export interface PlateMapInfo {
  wells: MapWell[];
  dose_unit: string;
  notes: string[];
}

/** Run a recipe on one plane now; the newest request of a client wins, older ones are dropped. */
export interface PreviewRequest {
  recipe?: string;
  toml?: string | null;
  settings?: Record<string, boolean | number | string | number[] | null>;
  type?: "preview";
  request: number;
  image: string;
  t?: number;
  z?: number | null;
  channels?: Record<string, number | null>;
  patterns?: Record<string, string>;
  level?: number;
  layers?: string[];
}

/** What a preview found. */
export interface PreviewResult {
  type: "preview_result";
  request: number;
  image: string;
  key: string;
  level: number;
  exact: boolean;
  n_objects: number;
  seconds: Record<string, number>;
  total_ms: number;
  layers: LayerInfo[];
  layer_names: string[];
  choices: ChoiceInfo[];
  warnings: string[];
  histogram: HistogramInfo | null;
  settings: Record<string, boolean | number | string | number[] | null>;
}

/** What is open. */
export interface Project {
  name: string;
  folder: string;
  version: string;
  read_only: boolean;
  read_only_reason: string;
  pixel_size: string | null;
  interval_s: number | null;
  author: string;
  n_cores: number;
}

/** Settings of the project; a key that is not sent stays. */
export interface ProjectChange {
  pixel_size?: string | null;
  interval_s?: number | null;
}

/** A recipe as a form. */
export interface RecipeInfo {
  name: string;
  summary: string;
  channels: string[];
  roles: RoleInfo[];
  assay: "" | "live-dead" | "confluency";
  reads_image: boolean;
  full_size_only: boolean;
  steps: StepInfo[];
  toml: string;
}

/** The ready recipes, then those kept in the project. */
export interface RecipeList {
  recipes: RecipeInfo[];
}

/** A recipe with changed settings; `toml` wins over `recipe`. */
export interface RecipeRequest {
  recipe?: string;
  toml?: string | null;
  settings?: Record<string, boolean | number | string | number[] | null>;
}

/** A channel that a recipe reads, by what it is for: `granum.channel_roles.ChannelRole`. */
export interface RoleInfo {
  name: string;
  names: string[];
  optional: boolean;
  about: string;
}

/** A finished run. */
export interface Run {
  id: string;
  title: string;
  recipe: string;
  assay: "" | "live-dead" | "confluency";
  created: string;
  n_objects: number;
  images: RunImage[];
  edited: boolean;
  settings: Record<string, boolean | number | string | number[] | null>;
}

/** One input of a run. */
export interface RunImage {
  stem: string;
  file: string;
  image: string;
  n_frames: number;
  n_objects: number[];
  has_objects: boolean;
  n_edits: number;
  pixel_size: PixelSizeInfo | null;
  choices: ChoiceInfo[][];
  classes: ClassArea[][];
  warnings: string[];
}

/** All finished runs, newest first. */
export interface RunList {
  runs: Run[];
}

/** Run a recipe on images and keep the result. */
export interface RunRequest {
  recipe?: string;
  toml?: string | null;
  settings?: Record<string, boolean | number | string | number[] | null>;
  images?: string[] | null;
  channels?: Record<string, number | null>;
  patterns?: Record<string, string>;
  complete_only?: boolean;
  z?: number | null;
  names?: string | null;
  plate_map?: string | null;
  video?: boolean;
  jobs?: number | null;
  title?: string;
}

/** How good a model is, on what it had not seen. */
export interface ScoreReport {
  method: string;
  miou: number;
  low: number;
  high: number;
  per_class: ClassScore[];
  confusion: number[][];
  learning_curve: unknown[][];
  importance: unknown[][];
  warnings: string[];
}

/** How to get the same result without the app. */
export interface Scripts {
  python: string;
  recipe: string;
  command: string;
}

/** Start a search on everything that is painted. */
export interface SearchRequest {
  budget_s: number;
  seed?: number;
}

/** The search that runs, or the last one. */
export interface SearchState {
  id: string;
  state: "running" | "done" | "stopped" | "failed";
  budget_s: number;
  elapsed_s: number;
  n_trials: number;
  stage: string;
  leaderboard: TrialInfo[];
  report: ScoreReport | null;
  message: string;
  strokes: string;
  is_older: boolean;
}

/** One setting, from the signature of its step: the form is made from it. */
export interface SettingInfo {
  name: string;
  help: string;
  kind: "boolean" | "integer" | "number" | "choice" | "text" | "list";
  optional: boolean;
  value: unknown;
  default: unknown;
  low: number | null;
  high: number | null;
  unit: string;
  choices: string[];
}

/** One step of a recipe; "<key>.<setting>" is the name of a setting in `Settings`. */
export interface StepInfo {
  key: string;
  do: string;
  title: string;
  summary: string;
  reads: string[];
  writes: string[];
  settings: SettingInfo[];
}

/** One act of painting, as vectors; the server says which pixels it covers. */
export interface Stroke {
  id: string;
  tool: "brush" | "eraser" | "fill" | "polygon";
  class_id?: number;
  radius?: number;
  points: [number, number][];
  t?: number;
  z?: number;
}

/** Where one more stroke helps most. */
export interface Suggestion {
  y: number;
  x: number;
  radius: number;
  class_ids: number[];
  reason: string;
}

/** One pipeline that the search tried. */
export interface TrialInfo {
  number: number;
  description: string;
  family: string;
  state: "done" | "pruned" | "failed";
  miou: number | null;
  low: number | null;
  high: number | null;
  seconds: number;
  seconds_per_mpx: number | null;
  is_best: boolean;
}

/** What became of an upload. */
export interface Uploaded {
  image: ImageEntry;
  duplicate: boolean;
}
