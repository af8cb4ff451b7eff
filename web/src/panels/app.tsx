/** The page: bar, image list, image, tabs; what lies above them when something needs attention. */
import { useEffect } from "preact/hooks";
import { listenToKeys } from "../state/act";
import { connection, listOpen, signedOut, tab, type Tab } from "../state/page";
import { unsaved } from "../state/paint";
import { retryConnection } from "../state/session";
import { Button } from "./controls";
import { Dialogs } from "./dialogs";
import { DropZone } from "./drop_zone";
import { ImageList } from "./image_list";
import { PaintPanel } from "./paint";
import { ResultsPanel } from "./results";
import { RunsPanel } from "./runs";
import { SignedOut } from "./signed_out";
import { Toasts } from "./toasts";
import { TopBar } from "./top_bar";
import { TunePanel } from "./tune";
import { ViewerPane } from "./viewer_pane";

const TABS: { id: Tab; text: string }[] = [
  { id: "tune", text: "Tune" }, { id: "results", text: "Results" }, { id: "paint", text: "Paint" }, { id: "runs", text: "Runs" },
];

function Tabs() {
  const move = (event: KeyboardEvent): void => {
    const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (by === 0) return;
    event.preventDefault();
    event.stopPropagation();
    const at = TABS.findIndex((one) => one.id === tab.value);
    const next = TABS[(at + by + TABS.length) % TABS.length] as { id: Tab };
    tab.value = next.id;
    document.getElementById(`tab-${next.id}`)?.focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label="Work" onKeyDown={move}>
      {TABS.map((one) => (
        <button
          key={one.id} id={`tab-${one.id}`} type="button" role="tab" aria-selected={tab.value === one.id} aria-controls="tab-panel"
          tabIndex={tab.value === one.id ? 0 : -1} onClick={() => (tab.value = one.id)}
        >
          {one.text}
        </button>
      ))}
    </div>
  );
}

function Panel() {
  switch (tab.value) {
    case "tune": return <TunePanel />;
    case "results": return <ResultsPanel />;
    case "paint": return <PaintPanel />;
    default: return <RunsPanel />;
  }
}

function Banners() {
  const lost = connection.value === "lost";
  const late = unsaved.value.late;
  return (
    <div class="banners" role="status">
      {lost && (
        <p class="banner warn">
          <span>No connection to granum; it is tried again by itself. What was saved is safe.</span>
          <Button label="Try now" onClick={retryConnection} text />
        </p>
      )}
      {late && (
        <p class="banner bad">
          <span>Not saved: {unsaved.value.waiting === 1 ? "1 stroke waits" : `${unsaved.value.waiting} strokes wait`} for the server. Leave this page open.</span>
          <Button label="Retry" onClick={retryConnection} text />
        </p>
      )}
    </div>
  );
}

export function App() {
  useEffect(listenToKeys, []);
  if (signedOut.value) return <SignedOut />;
  return (
    <div class={`page ${listOpen.value ? "" : "list-small"}`}>
      <a class="skip" href="#tab-panel">Skip to the panel</a>
      <TopBar />
      <Banners />
      <ImageList />
      <ViewerPane />
      <aside class="side" aria-label="Panel">
        <Tabs />
        <div class="side-body" id="tab-panel" role="tabpanel" aria-labelledby={`tab-${tab.value}`} tabIndex={-1}>
          <Panel />
        </div>
      </aside>
      <DropZone />
      <Dialogs />
      <Toasts />
    </div>
  );
}
