/** Which channel is what: inside the image on screen, or in files of their own whose names tell it. */
import type { PlanInfo, RecipeInfo, RoleInfo } from "../api/types";
import { completeOnly, fieldsText, rolePatterns, stainChoices, typedPatterns, type RolePattern } from "../state/channel_files";
import { current } from "../state/images";
import { count, sentence } from "../state/numbers";
import { channelProblem, choosePlaces, inFiles, patterns, plan } from "../state/plan";
import { channelChoice } from "../state/recipe";
import { Button, Popover, Segmented } from "./controls";

const WHERE = [{ value: "inside", text: "In one file" }, { value: "files", text: "Files of their own" }];

function RoleName({ role, id }: { role: RoleInfo; id: string }) {
  return (
    <div class="setting-head">
      <label class="setting-name" for={id}>{role.name}</label>
      {role.optional && <span class="quiet">optional</span>}
      <Popover label={`About ${role.name}`}>
        <p>{role.about}</p>
        <p class="quiet">Known as {[role.name, ...role.names].join(", ")}.</p>
      </Popover>
    </div>
  );
}

/** The channel of a role inside the image: found by name unless one is chosen. */
function InsideRow({ role, info }: { role: RoleInfo; info: PlanInfo | null }) {
  const channels = current.value?.channels ?? [];
  const chosen = channelChoice.value[role.name];
  const found = info?.channels.find((one) => one.role === role.name && one.by_name);
  const nameOf = (index: number): string => channels.find((one) => one.index === index)?.name || `channel ${index + 1}`;
  const automatic = found?.index != null ? `${nameOf(found.index)}, found by name` : role.optional ? "none found" : "not found: choose one";
  const value = chosen === null ? "none" : chosen === undefined || chosen >= channels.length ? "" : String(chosen);
  return (
    <div class="setting">
      <RoleName role={role} id={`role-${role.name}`} />
      <select id={`role-${role.name}`} value={value} onChange={(event) => {
        const { [role.name]: _, ...rest } = channelChoice.value;
        const next = event.currentTarget.value;
        channelChoice.value = next === "" ? rest : { ...rest, [role.name]: next === "none" ? null : Number(next) };
      }}>
        <option value="">{automatic}</option>
        {channels.map((channel) => <option key={channel.index} value={String(channel.index)}>{nameOf(channel.index)}</option>)}
        {role.optional && <option value="none">none</option>}
      </select>
    </div>
  );
}

/** The files of a role: their pattern, and what their stain is called. */
function FilesRow({ role, row, info, change }: { role: RoleInfo; row: RolePattern; info: PlanInfo | null; change: (next: RolePattern) => void }) {
  const file = info?.channels.find((one) => one.role === role.name)?.file;
  const id = `pattern-${role.name}`;
  return (
    <div class="setting">
      <RoleName role={role} id={id} />
      <div class="row pattern-row">
        <input
          id={id} type="text" maxLength={300} spellcheck={false} value={row.pattern} placeholder={role.optional ? "none" : `such as *_${role.name}.tif`}
          onInput={(event) => change({ ...row, pattern: event.currentTarget.value })}
        />
        <select aria-label={`Stain of ${role.name}`} value={row.stain} onChange={(event) => change({ ...row, stain: event.currentTarget.value })}>
          {stainChoices(role, row.stain).map((one) => <option key={one.value} value={one.value}>{one.text}</option>)}
        </select>
      </div>
      {file && <p class="quiet name" title={file}>{file}</p>}
    </div>
  );
}

function Leftovers({ info }: { info: PlanInfo }) {
  return (
    <>
      {info.n_lacking > 0 && (
        <details class="job-items" open>
          <summary>{count(info.n_lacking, "field")} without all channels</summary>
          <ul>{info.lacking.map((field) => <li key={Object.values(field.files)[0]}><span class="name">{Object.values(field.files)[0]}</span><span class="status warn">no {field.lacks.join(", ")}</span></li>)}</ul>
          <label class="row"><input type="checkbox" checked={completeOnly.value} onChange={(event) => (completeOnly.value = event.currentTarget.checked)} />Leave these fields out of the run</label>
        </details>
      )}
      {info.n_left_over > 0 && (
        <details class="job-items">
          <summary>{count(info.n_left_over, "file")} that no pattern matches</summary>
          <ul>{info.left_over.map((file) => <li key={file}><span class="name">{file}</span></li>)}</ul>
        </details>
      )}
    </>
  );
}

function FilesRows({ info, told }: { info: RecipeInfo; told: PlanInfo | null }) {
  const rows = typedPatterns.value ?? rolePatterns(info, patterns.value);
  return (
    <>
      {info.roles.map((role) => (
        <FilesRow key={role.name} role={role} row={rows[role.name] ?? { stain: role.name, pattern: "" }} info={told} change={(next) => (typedPatterns.value = { ...rows, [role.name]: next })} />
      ))}
      {told && told.by_order.length > 0 && (
        <>
          <p class="note warn" role="status">The names of the files do not say which stain is which: {told.by_order.join(", ")} {told.by_order.length > 1 ? "were" : "was"} filled in by order. Look at each file and set them right before you run.</p>
          <div class="row"><Button icon="check" text label="They are right" onClick={() => (typedPatterns.value = rows)} /></div>
        </>
      )}
      {told && <p class="quiet" role="status" aria-label="Fields">{fieldsText(told)}</p>}
      {told && <Leftovers info={told} />}
      {typedPatterns.value !== null && <div class="row"><Button icon="reset" text label="Read from the names again" onClick={() => (typedPatterns.value = null)} /></div>}
    </>
  );
}

export function RoleChannels({ info }: { info: RecipeInfo }) {
  const told = plan.value;
  const files = inFiles.value;
  const problem = channelProblem.value || (files ? (told?.files_problem ?? "") : "");
  return (
    <section class="card flat role-channels" aria-label="Channels">
      <div class="row">
        <span class="card-title">Channels</span>
        <span class="spring" />
        <Segmented label="Where the channels are" choices={WHERE} value={files ? "files" : "inside"} onChange={(next) => choosePlaces(next as "inside" | "files")} />
      </div>
      {files ? <FilesRows info={info} told={told} /> : info.roles.map((role) => <InsideRow key={role.name} role={role} info={told} />)}
      {problem && <p class="note bad" role="status">{sentence(problem)}</p>}
    </section>
  );
}
