/** What the tuned recipe becomes: runs, text to copy, a recipe of the project. */
import { useState } from "preact/hooks";
import type { Scripts } from "../api/types";
import { api } from "../api/client";
import { current, project, ready } from "../state/images";
import { startJob } from "../state/jobs";
import { attempt, copyText } from "../state/page";
import { sentence } from "../state/numbers";
import { channelProblem, inFiles, needsPlan, plan, planSettled, runProblem, runRequest, unconfirmed } from "../state/plan";
import { changed, recipe, runTitle, saveRecipe } from "../state/recipe";
import { AssaySetup } from "./assay_setup";
import { Button, Field, focusNow } from "./controls";

const KINDS: { kind: keyof Scripts; label: string }[] = [
  { kind: "python", label: "Python" }, { kind: "recipe", label: "Recipe" }, { kind: "command", label: "Command" },
];

/** Buttons that copy the same result as text; `get` asks the server for it. */
export function CopyAs({ get, disabled }: { get: () => Promise<Scripts>; disabled?: boolean }) {
  return (
    <div class="row wrap" role="group" aria-label="Copy as">
      <span class="quiet">Copy as</span>
      {KINDS.map(({ kind, label }) => (
        <Button key={kind} label={label} icon="copy" text disabled={disabled ?? false} onClick={() => void attempt(async () => copyText((await get())[kind], label))} />
      ))}
    </div>
  );
}

function SaveRecipe() {
  const [name, setName] = useState<string | null>(null);
  if (name === null) {
    return <Button icon="save" label="Save recipe…" text onClick={() => setName(`${recipe.value?.name ?? "recipe"}${Object.keys(changed.value).length > 0 ? "-tuned" : ""}`)} />;
  }
  const save = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (await saveRecipe(name.trim())) setName(null);
  };
  return (
    <form class="row" onSubmit={(event) => void save(event)}>
      <input type="text" aria-label="Name of the recipe" value={name} required maxLength={64} ref={focusNow} onInput={(event) => setName(event.currentTarget.value)} />
      <button type="submit" class="button primary">Save</button>
      <Button label="Cancel" text onClick={() => setName(null)} />
    </form>
  );
}

/** The title names one run; the next one gets its own. */
async function start(images: string[] | null): Promise<void> {
  if (await startJob(runRequest(images))) runTitle.value = "";
}

export function RunBox() {
  const image = current.value;
  const info = recipe.value;
  const files = inFiles.value;
  const n = files ? (plan.value?.n_fields ?? 0) : ready.value.length;
  const what = files ? "field" : "image";
  const blocked = needsPlan.value && (!planSettled.value || runProblem.value !== "");
  const readOnly = project.value?.read_only ?? true;
  return (
    <section class="run-box" aria-label="Run">
      {info?.assay && <AssaySetup />}
      <Field label="Title of the run">
        <input type="text" maxLength={120} placeholder="optional" value={runTitle.value} onInput={(event) => (runTitle.value = event.currentTarget.value)} />
      </Field>
      <div class="row">
        <Button label={`Run on this ${what}`} text kind="primary" disabled={readOnly || image?.status !== "ready" || channelProblem.value !== "" || unconfirmed.value.length > 0} onClick={() => image && void start([image.id])} />
        <Button label={`Run on all ${n} ${what}s`} text disabled={readOnly || n < 2 || blocked} onClick={() => void start(null)} />
      </div>
      {blocked && runProblem.value && <p class="note bad" role="status">{sentence(runProblem.value)}</p>}
      <CopyAs get={() => api.scripts(runRequest(image && !info?.assay ? [image.id] : null))} disabled={n === 0 || blocked} />
      {!readOnly && <SaveRecipe />}
    </section>
  );
}
