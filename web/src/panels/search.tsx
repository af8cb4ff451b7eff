/** The search for a better model: how long, how far it is, what it has tried. */
import { useEffect, useState } from "preact/hooks";
import type { SearchState, TrialInfo } from "../api/types";
import { project } from "../state/images";
import { best, budget, elapsed, learn, lookedModel, lookModel, liveOn, search, searching, searchSeenAt, startSearch, stopSearch } from "../state/learn";
import { count, durationText, sentence, shortNumber } from "../state/numbers";
import { Button, Progress, Segmented } from "./controls";
import { Icon } from "./icons";

const BUDGETS = [5, 30, 120, 1200];

export function budgetText(seconds: number): string {
  if (seconds < 60) return `${shortNumber(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  const rest = Math.round(seconds % 60);
  return rest > 0 ? `${minutes} min ${rest} s` : `${minutes} min`;
}

function Budget() {
  const [typing, setTyping] = useState(!BUDGETS.includes(budget.value));
  const choices = [...BUDGETS.map((one) => ({ value: String(one), text: budgetText(one) })), { value: "other", text: "Other" }];
  return (
    <>
      <Segmented label="Time for the search" choices={choices} value={typing ? "other" : String(budget.value)} onChange={(value) => {
        setTyping(value === "other");
        if (value !== "other") budget.value = Number(value);
      }} />
      {typing && (
        <label class="row">
          <span class="setting-name">Seconds</span>
          <input
            type="number" class="number" min={1} max={86400} step="any" value={budget.value}
            onChange={(event) => {
              const typed = event.currentTarget.valueAsNumber;
              if (Number.isFinite(typed)) budget.value = Math.min(86_400, Math.max(1, typed));
              event.currentTarget.value = String(budget.value);
            }}
          />
        </label>
      )}
    </>
  );
}

/** The clock goes on between two messages of the server. */
function useElapsed(state: SearchState): number {
  const [now, setNow] = useState(() => performance.now());
  useEffect(() => {
    if (state.state !== "running") return undefined;
    const timer = window.setInterval(() => setNow(performance.now()), 250);
    return () => window.clearInterval(timer);
  }, [state.state]);
  return elapsed(state, searchSeenAt.value, now);
}

function Running({ state }: { state: SearchState }) {
  const spent = useElapsed(state);
  const left = Math.max(0, state.budget_s - spent);
  return (
    <>
      <Progress share={state.budget_s > 0 ? spent / state.budget_s : 1} label="Progress of the search" />
      <div class="row quiet">
        <span class="number time-left">{left >= 1 ? `${budgetText(Math.round(left))} left` : "finishing"} · {state.n_trials} tried</span>
        <span class="spring" />
        <Button label="Stop and keep the best" text onClick={() => void stopSearch()} />
      </div>
      <p class="quiet small-line name">{sentence(state.stage)}</p>
    </>
  );
}

function Outcome({ state }: { state: SearchState }) {
  const words = state.state === "failed" ? "The search failed." : state.state === "stopped" ? "Stopped; the best so far is kept." : "Done.";
  const failed = state.state === "failed";
  return (
    <>
      <p class={failed ? "note bad" : "quiet number"}>
        {words} {failed ? sentence(state.message) : `${count(state.n_trials, "pipeline")} tried in ${durationText(1000 * state.elapsed_s)}.`}
      </p>
      {!failed && state.message && <p class="note warn">{sentence(state.message)}</p>}
      {!failed && state.is_older && <p class="note warn">Strokes have changed since: this search does not know them. Search again for a model that does.</p>}
    </>
  );
}

const STATES: Record<TrialInfo["state"], string> = { done: "", pruned: "stopped early", failed: "failed" };

/** "LightGBM, 100 rounds, ..." as its head and the rest; the head begins with a capital. */
export function pipelineWords(description: string): [string, string] {
  const at = description.indexOf(", ");
  return at < 0 ? [sentence(description), ""] : [sentence(description.slice(0, at)), description.slice(at + 2)];
}

/** Two digits, and "0.66 – 0.77" for the interval. */
export function scoreText(value: number | null): string {
  return value === null || !Number.isFinite(value) ? "–" : value.toFixed(2);
}

function Leaderboard({ list }: { list: TrialInfo[] }) {
  const [all, setAll] = useState(false);
  const rows = all ? list : list.slice(0, 6);
  return (
    <>
      <div class="scroll-x leaderboard">
        <table class="small-table">
          <thead><tr><th scope="col">Model</th><th scope="col" title="Mean IoU, estimated on what was left out, and its 95 % interval">mIoU</th><th scope="col" title="Time to test it">Time</th></tr></thead>
          <tbody>
            {rows.map((one) => {
              const [head, rest] = pipelineWords(one.description);
              return (
                <tr key={one.number}>
                  <td class="pipeline" title={one.description}><strong>{head}</strong>{one.is_best && <span class="tag good">best</span>}<span class="quiet">{rest}</span></td>
                  <td class="number">
                    {one.state === "done" ? scoreText(one.miou) : <span class="quiet">{STATES[one.state]}</span>}
                    {one.state === "done" && one.low !== null && <span class="quiet">{scoreText(one.low)} – {scoreText(one.high)}</span>}
                  </td>
                  <td class="number">{durationText(1000 * one.seconds)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      {list.length > 6 && <Button label={all ? "Fewer" : `All ${list.length}`} text onClick={() => setAll(!all)} />}
    </>
  );
}

export function SearchBox() {
  const state = search.value;
  const running = searching.value;
  const readOnly = project.value?.read_only ?? true;
  const problem = learn.value?.problem ?? "";
  const looked = lookedModel.value === "search";
  return (
    <details class="card search" open>
      <summary><Icon name="chevron" /><span class="card-title">Search for a better model</span>{running && <span class="tag">running</span>}</summary>
      <div class="card-body">
      {!state && <p class="quiet">The live model is a quick one. A search tries many kinds of models, tests each on strokes that it has not seen, and keeps the best. You can go on painting meanwhile.</p>}
      {running && state ? <Running state={state} /> : (
        <>
          <Budget />
          <Button label={`Search for ${budgetText(budget.value)}`} text kind={best.value ? "plain" : "primary"} disabled={readOnly || problem !== "" || learn.value === null} onClick={() => void startSearch(budget.value)} />
          {state && <Outcome state={state} />}
        </>
      )}
      {state && state.leaderboard.length > 0 && <Leaderboard list={state.leaderboard} />}
      {best.value && (
        <Button
          icon="eye" label={looked ? "The image shows the best of the search" : "Look at the best in the image"} text pressed={looked}
          onClick={() => {
            lookModel.value = looked ? "live" : "search";
            liveOn.value = true;
          }}
        />
      )}
      </div>
    </details>
  );
}
