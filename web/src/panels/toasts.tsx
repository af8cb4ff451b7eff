/** Sentences that come and go, read out politely. */
import { announcement, dismiss, toasts } from "../state/page";
import { Button } from "./controls";

export function Toasts() {
  return (
    <>
      <div class="toasts" role="status" aria-live="polite">
        {toasts.value.map((toast) => (
          <div key={toast.id} class={`toast ${toast.kind}`}>
            <span>{toast.text}</span>
            {toast.action && <Button label={toast.action.label} text onClick={toast.action.run} />}
            <Button icon="close" label="Dismiss" onClick={() => dismiss(toast.id)} />
          </div>
        ))}
      </div>
      <div class="unseen" role="status" aria-live="polite">{announcement.value}</div>
    </>
  );
}
