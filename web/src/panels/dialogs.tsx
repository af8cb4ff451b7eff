/** What asks or explains above the page: keys, questions, text to copy by hand. */
import { useEffect, useRef } from "preact/hooks";
import { KEY_HELP } from "../state/keys";
import { copyByHand, keysShown, question } from "../state/page";
import { Button, Dialog } from "./controls";

function Keys() {
  return (
    <Dialog title="Keys" onClose={() => (keysShown.value = false)}>
      <div class="keys">
        {KEY_HELP.map((group) => (
          <section key={group.title}>
            <h3>{group.title}</h3>
            <dl>
              {group.rows.map(([key, what]) => (
                <div key={key}><dt><kbd>{key}</kbd></dt><dd>{what}</dd></div>
              ))}
            </dl>
          </section>
        ))}
      </div>
      <p class="quiet pad">For programs: <a href="api/v1/docs" target="_blank" rel="noreferrer">the routes of this server</a>.</p>
    </Dialog>
  );
}

function CopyByHand({ text }: { text: string }) {
  const area = useRef<HTMLTextAreaElement>(null);
  useEffect(() => area.current?.select(), []);
  return (
    <Dialog title="Copy this" onClose={() => (copyByHand.value = null)}>
      <p class="quiet">The browser did not let the page write to the clipboard. It is selected: press Ctrl C.</p>
      <textarea ref={area} class="code" readOnly rows={14} aria-label="Text to copy">{text}</textarea>
    </Dialog>
  );
}

export function Dialogs() {
  const ask = question.value;
  const text = copyByHand.value;
  return (
    <>
      {keysShown.value && <Keys />}
      {text !== null && <CopyByHand text={text} />}
      {ask && (
        <Dialog title={ask.title} onClose={() => (question.value = null)}>
          <p>{ask.text}</p>
          <footer class="row end">
            <Button label="Cancel" text onClick={() => (question.value = null)} />
            <Button label={ask.yes} text kind="danger" onClick={() => {
              question.value = null;
              ask.run();
            }} />
          </footer>
        </Dialog>
      )}
    </>
  );
}
