/** The slim bar: what is open, what runs, theme, keys. */
import { project } from "../state/images";
import { active, shareDone } from "../state/jobs";
import { keysShown, listOpen, setTheme, tab, theme, type Theme } from "../state/page";
import { unsaved } from "../state/paint";
import { Button, Progress } from "./controls";

const NEXT: Record<Theme, Theme> = { auto: "dark", dark: "light", light: "auto" };
const NAMES: Record<Theme, string> = { auto: "as the system", dark: "dark", light: "light" };

function JobIndicator() {
  const list = active.value;
  const first = list[0];
  if (!first) return null;
  const share = list.reduce((sum, job) => sum + shareDone(job), 0) / list.length;
  return (
    <button type="button" class="button plain job-indicator" onClick={() => (tab.value = "runs")} title={`${first.title || first.recipe}: ${first.current}`}>
      <span>{list.length === 1 ? "1 run" : `${list.length} runs`}</span>
      <Progress share={share} label="Progress of the runs" />
      <span class="number">{Math.round(share * 100)} %</span>
    </button>
  );
}

export function TopBar() {
  const open = project.value;
  return (
    <header class="top">
      <Button icon="panel" label="Image list large or small" pressed={listOpen.value} onClick={() => (listOpen.value = !listOpen.value)} />
      <h1><svg class="mark" viewBox="0 0 20 20" width="20" height="20" aria-hidden="true"><circle cx="7" cy="7.500" r="4.700" /><circle cx="14.200" cy="12" r="3.700" /><circle cx="6.500" cy="15.500" r="2.200" /></svg>granum</h1>
      {open && <span class="project" title={open.folder}>{open.name}</span>}
      {open?.read_only && <span class="tag warn" title={open.read_only_reason}>read-only</span>}
      <span class="spring" />
      {unsaved.value.waiting > 0 && <span class="quiet saving">saving…</span>}
      <JobIndicator />
      <Button icon={theme.value === "auto" ? "auto" : theme.value} label={`Theme: ${NAMES[theme.value]}`} onClick={() => setTheme(NEXT[theme.value])} />
      <Button icon="keys" label="Keys" keys="?" onClick={() => (keysShown.value = true)} />
    </header>
  );
}
