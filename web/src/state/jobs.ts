/** Jobs that run and runs that are finished. Both live on the server; closing the page stops neither. */
import { computed, signal } from "@preact/signals";
import { api } from "../api/client";
import type { Job, Run, RunRequest } from "../api/types";
import { attempt, question, say, tab } from "./page";

export const jobs = signal<Job[]>([]);
export const runs = signal<Run[]>([]);

export const active = computed(() => jobs.value.filter(isActive));
/** Jobs to show beside the runs: those without a finished run. */
export const openJobs = computed(() => {
  const finished = new Set(runs.value.map((run) => run.id));
  return jobs.value.filter((job) => isActive(job) || !finished.has(job.id));
});

export function isActive(job: Job): boolean {
  return job.state === "running" || job.state === "queued";
}

/** Newest first, each id once. */
export function mergeById<T extends { id: string; created: string }>(list: T[], changed: T[], removed: string[] = []): T[] {
  const all = new Map(list.map((one) => [one.id, one]));
  for (const one of changed) all.set(one.id, one);
  for (const id of removed) all.delete(id);
  return [...all.values()].sort((a, b) => (a.created < b.created ? 1 : a.created > b.created ? -1 : a.id < b.id ? 1 : -1));
}

/** Share of a job that is done, 0 to 1. */
export function shareDone(job: Job): number {
  return job.total > 0 ? Math.min(1, job.done / job.total) : job.state === "done" ? 1 : 0;
}

export async function loadJobs(): Promise<void> {
  const [jobList, runList] = await Promise.all([api.jobs(), api.runs()]);
  jobs.value = mergeById([], jobList.jobs);
  runs.value = mergeById([], runList.runs);
}

export function takeJob(job: Job): void {
  const before = jobs.value.find((one) => one.id === job.id);
  jobs.value = mergeById(jobs.value, [job]);
  if (before && isActive(before) && !isActive(job)) {
    const name = job.title || job.recipe;
    if (job.state === "done") say(job.failures.length > 0 ? `${name} is done; ${job.failures.length} failed.` : `${name} is done.`);
    else if (job.state === "failed") say(job.error || `${name} failed.`, "error");
    if (job.state === "done") void takeRuns([job.id]);
  }
}

/** Ask for runs that are new or changed; those that are gone are taken out. */
export async function takeRuns(ids: string[]): Promise<void> {
  const found = await Promise.all(ids.map((id) => api.run(id).catch((error: unknown) => {
    if (error instanceof Error && "status" in error && error.status === 404) return id;
    throw error;
  }))).catch(() => null);
  if (!found) return;
  const gone = found.filter((one): one is string => typeof one === "string");
  runs.value = mergeById(runs.value, found.filter((one): one is Run => typeof one !== "string"), gone);
}

export async function startJob(request: RunRequest): Promise<Job | undefined> {
  const job = await attempt(() => api.startJob(request));
  if (job) {
    jobs.value = mergeById(jobs.value, [job]);
    tab.value = "runs";
  }
  return job;
}

export async function stepJob(id: string, step: "cancel" | "resume"): Promise<void> {
  const job = await attempt(() => api.jobStep(id, step));
  if (job) takeJob(job);
}

export function askToDeleteJob(job: Job): void {
  question.value = {
    title: "Delete this run?",
    text: `${job.title || job.recipe} was not finished; what it has done so far is removed from the disk.`,
    yes: "Delete the run",
    run: () => void attempt(async () => {
      await api.deleteRun(job.id);
      jobs.value = jobs.value.filter((one) => one.id !== job.id);
    }),
  };
}

export function askToDeleteRun(run: Run): void {
  question.value = {
    title: "Delete this run?",
    text: `${run.title || run.recipe}, ${run.n_objects.toLocaleString("en")} objects: its tables, labels and corrections are removed from the disk.`,
    yes: "Delete the run",
    run: () => void attempt(async () => {
      await api.deleteRun(run.id);
      runs.value = runs.value.filter((one) => one.id !== run.id);
      jobs.value = jobs.value.filter((one) => one.id !== run.id);
    }),
  };
}
