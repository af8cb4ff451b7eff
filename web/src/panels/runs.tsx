/** Runs: what goes on, what is finished. */
import type { Job, Run } from "../api/types";
import { askToDeleteJob, askToDeleteRun, isActive, jobs, openJobs, runs, shareDone, stepJob } from "../state/jobs";
import { project } from "../state/images";
import { count, durationText, sentence, timeText } from "../state/numbers";
import { openRun } from "../state/results";
import { Button, Progress } from "./controls";
import { Downloads } from "./results";

const STATES: Record<Job["state"], string> = {
  queued: "waiting", running: "running", done: "done", failed: "failed", cancelled: "cancelled", interrupted: "interrupted",
};

function JobItems({ job }: { job: Job }) {
  if (job.items.length === 0) return null;
  return (
    <details class="job-items" open={isActive(job)}>
      <summary>{job.items.length.toLocaleString("en")} done</summary>
      <ul>
        {job.items.slice(-100).reverse().map((item) => (
          <li key={`${item.file}/${item.frame}`}>
            <span class="name">{item.file}{item.frame > 0 ? ` · frame ${item.frame + 1}` : ""}</span>
            {item.error ? <span class="status bad">{item.error}</span> : <span class="number">{item.n_objects.toLocaleString("en")}</span>}
            {item.warnings.length > 0 && <span class="status warn" title={item.warnings.join("\n")}>{count(item.warnings.length, "warning")}</span>}
          </li>
        ))}
      </ul>
    </details>
  );
}

/** The same sentence for every frame of a file stands here once. */
function Failures({ list }: { list: string[] }) {
  const counts = new Map<string, number>();
  for (const one of list) counts.set(one, (counts.get(one) ?? 0) + 1);
  return (
    <>
      {[...counts].map(([text, n]) => <p key={text} class="note warn">{sentence(text)}{n > 1 && <span class="number"> ({n} times)</span>}</p>)}
    </>
  );
}

function JobCard({ job }: { job: Job }) {
  const resumable = job.state === "cancelled" || job.state === "interrupted" || job.state === "failed";
  return (
    <li class="card flat">
      <div class="row wrap">
        <span class="card-title">{job.title || job.recipe}</span>
        <span class={`tag ${job.state === "failed" ? "bad" : ""}`}>{STATES[job.state]}</span>
        <span class="spring" />
        {isActive(job) && <Button label="Cancel" text onClick={() => void stepJob(job.id, "cancel")} />}
        {resumable && <Button label="Resume" text onClick={() => void stepJob(job.id, "resume")} />}
        {!isActive(job) && !project.value?.read_only && <Button icon="trash" label={`Delete the run ${job.title || job.recipe}`} onClick={() => askToDeleteJob(job)} />}
      </div>
      <Progress share={shareDone(job)} label={`Progress of ${job.title || job.recipe}`} />
      <div class="row quiet">
        <span class="number">{job.done} of {job.total}</span>
        <span class="name">{isActive(job) ? job.current : ""}</span>
        <span class="spring" />
        <span class="number">{job.seconds > 0 ? durationText(job.seconds * 1000) : ""}</span>
      </div>
      {job.error && <p class="note bad">{sentence(job.error)}</p>}
      <Failures list={job.failures} />
      <JobItems job={job} />
    </li>
  );
}

function RunCard({ run }: { run: Run }) {
  const job = jobs.value.find((one) => one.id === run.id);
  return (
    <li class="card flat">
      <div class="row wrap">
        <span class="card-title">{run.title || run.recipe}</span>
        {run.edited && <span class="tag">corrected</span>}
        {job && job.failures.length > 0 && <span class="tag warn" title={job.failures.join("\n")}>{job.failures.length} failed</span>}
        <span class="spring" />
        <Button label="Open" text kind="primary" onClick={() => openRun(run.id)} />
        {!project.value?.read_only && <Button icon="trash" label={`Delete the run ${run.title || run.recipe}`} onClick={() => askToDeleteRun(run)} />}
      </div>
      <p class="quiet number">{[timeText(run.created), run.recipe, count(run.images.length, "image"), count(run.n_objects, "object")].join(" · ")}</p>
      <details class="job-items">
        <summary>Images and files</summary>
        <ul>
          {run.images.map((image) => (
            <li key={image.stem}>
              <button type="button" class="link name" disabled={!image.image} onClick={() => openRun(run.id, image)}>{image.file}</button>
              <span class="number">{image.n_objects.reduce((sum, n) => sum + n, 0).toLocaleString("en")}</span>
              {image.warnings.length > 0 && <span class="status warn" title={image.warnings.join("\n")}>{count(image.warnings.length, "warning")}</span>}
            </li>
          ))}
        </ul>
        <Downloads id={run.id} />
      </details>
    </li>
  );
}

export function RunsPanel() {
  const none = openJobs.value.length === 0 && runs.value.length === 0;
  return (
    <div class="runs">
      {none && <p class="quiet pad">Nothing was run yet. Tune a recipe, then run it on this image or on all.</p>}
      {openJobs.value.length > 0 && <ul class="cards" aria-label="Runs that go on">{openJobs.value.map((job) => <JobCard key={job.id} job={job} />)}</ul>}
      {runs.value.length > 0 && (
        <>
          <h2 class="section-title">Finished</h2>
          <ul class="cards" aria-label="Finished runs">{runs.value.map((run) => <RunCard key={run.id} run={run} />)}</ul>
        </>
      )}
    </div>
  );
}
