/** Starts the page: loads what there is, listens to the socket, and catches up after a lost connection. */
import { effect } from "@preact/signals";
import { api, ApiError, whenUnauthorised } from "../api/client";
import { Connection, type SocketMessage } from "../api/socket";
import { followAssay } from "./assay";
import { followEdits, loadEditState, takeEditMessage } from "./edits";
import { current, loadImages, rememberImage, project, takeImages } from "./images";
import { loadJobs, takeJob, takeRuns } from "./jobs";
import { followLearn, learnConnected, learnConnectionLost, loadLearn, takeLearn, takeLearnError, takeLearnPrediction, useLearnConnection } from "./learn";
import { applyTheme, connection, fail, rememberTab, signedOut, tab } from "./page";
import { classes, followPaint, loadClasses, outbox, planeKey, resyncPaint, takePaint } from "./paint";
import {
  askBoth, askExact, previewConnectionLost, takePreviewMessage, usePreviewConnection, wantedLayers,
} from "./preview";
import { channelProblem, followPlan, patterns, planSettled } from "./plan";
import { channelChoice, loadRecipes, openedRecipe, recipe } from "./recipe";
import { followTables, reloadTable, sourceRun, wantedKey } from "./results";
import { followRunClasses } from "./run_classes";
import { plane, playing } from "./view";

let socket: Connection | null = null;

/** Messages that come while lists are on their way: they are newer than those lists, and are taken once more after them. */
let held: SocketMessage[] = [];
let loading = 0;

/** Fetch lists; what the socket tells meanwhile is not overwritten by an answer that is older. */
async function amid<T>(fetch: () => Promise<T>): Promise<T> {
  loading += 1;
  try {
    return await fetch();
  } finally {
    loading -= 1;
    const missed = held;
    if (loading === 0) held = [];
    for (const message of missed) apply(message);
  }
}

function take(message: SocketMessage): void {
  if (loading > 0 && (message.type === "images" || message.type === "job" || message.type === "project" || message.type === "classes" || message.type === "learn")) {
    held.push(message);
  }
  apply(message);
}

function apply(message: SocketMessage): void {
  switch (message.type) {
    case "preview_result":
    case "preview_error":
    case "preview_progress":
      takePreviewMessage(message);
      break;
    case "paint":
      takePaint(planeKey(message.image, message.t, message.z), message, message.author === project.value?.author).catch(fail);
      break;
    case "classes":
      classes.value = message.classes;
      break;
    case "edits":
      takeEditMessage(message);
      break;
    case "images":
      takeImages(message.images ?? [], message.removed ?? []);
      break;
    case "project":
      // who paints is this session's own, whatever another session's message says
      project.value = { ...message.project, author: project.value?.author ?? message.project.author };
      break;
    case "job":
      takeJob(message.job);
      break;
    case "runs":
      void takeRuns(message.runs);
      break;
    case "learn":
      takeLearn(message.state);
      break;
    case "learn_prediction":
      takeLearnPrediction(message);
      break;
    case "learn_error":
      takeLearnError(message);
      break;
    case "resync":
      void resync();
      break;
    case "hello":
      if (project.value) project.value = { ...project.value, author: message.author, version: message.version };
      // what changed between the first lists and the first message of this connection was told to nobody here
      void amid(() => Promise.allSettled([loadImages(), loadJobs(), loadLearn()]));
      break;
    default:
      break; // a message of a newer server
  }
}

/** Load everything; one part that cannot be had does not keep the others away. The first failure is told. */
async function load(): Promise<void> {
  const parts = await amid(() => Promise.allSettled([
    api.project().then((one) => (project.value = one)), loadImages(), loadRecipes(), loadClasses(), loadJobs(), loadLearn(),
  ]));
  const failed = parts.find((part) => part.status === "rejected");
  if (failed) throw failed.reason;
}

/** Ask for everything anew; what is on screen stays until it comes. */
export async function resync(): Promise<void> {
  try {
    await load();
    await resyncPaint();
    if (sourceRun.value) {
      await reloadTable();
      await loadEditState(wantedKey.value);
    }
    outbox.retry();
    lastAsked = "";
    askIfWanted();
  } catch (error) {
    if (!(error instanceof ApiError && error.passing)) fail(error);
  }
}

let lastAsked = "";
let lastImage = "";

/** What a preview depends on beside the settings, which ask for themselves. */
function previewKey(): string {
  const image = current.value;
  const info = recipe.value;
  const wanted = tab.value === "tune" || (tab.value === "results" && !sourceRun.value);
  if (!wanted || playing.value || connection.value !== "open" || image?.status !== "ready" || !info || !planSettled.value) return "";
  return JSON.stringify([
    image.id, plane.value, info.name, openedRecipe.value?.toml ?? "", channelChoice.value, wantedLayers(), project.value?.pixel_size, patterns.value,
    channelProblem.value,
    project.value?.interval_s,
  ]);
}

function askIfWanted(): void {
  const key = previewKey();
  if (key === "" || key === lastAsked) return;
  lastAsked = key;
  const image = current.peek()?.id ?? "";
  if (image !== lastImage) askBoth();
  else askExact();
  lastImage = image;
}

/** Start everything; returns what ends it. */
export function startSession(): () => void {
  applyTheme();
  lastAsked = "";
  lastImage = "";
  whenUnauthorised(() => {
    signedOut.value = true;
    socket?.stop();
  });
  socket = new Connection({
    message: take,
    open: (again) => {
      connection.value = "open";
      learnConnected();
      if (again) void resync();
    },
    closed: (tries) => {
      previewConnectionLost();
      learnConnectionLost();
      // one quick attempt is made before anybody is told; a page without its cookie is told apart by a plain request
      if (tries > 1) connection.value = "lost";
      api.project().catch(() => {});
    },
  });
  usePreviewConnection(socket);
  useLearnConnection(socket);
  load().catch(fail);
  socket.start();
  const back = (): void => socket?.retry();
  const leave = (event: BeforeUnloadEvent): void => {
    if (outbox.waiting > 0) event.preventDefault();
  };
  window.addEventListener("online", back);
  window.addEventListener("beforeunload", leave);
  const stops = [rememberTab(), rememberImage(), followTables(), followEdits(), followPaint(), followLearn(), followRunClasses(), followPlan(), followAssay(), effect(askIfWanted)];
  return () => {
    window.removeEventListener("online", back);
    window.removeEventListener("beforeunload", leave);
    for (const stop of stops) stop();
    socket?.stop();
  };
}

export function retryConnection(): void {
  socket?.retry();
  outbox.retry();
}
