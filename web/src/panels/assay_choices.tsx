/** What plate and curves show: the measure, and whether relative to the first time. */
import type { AssayBody } from "../api/types";
import { canBeRelative, measureName, relative, shownMeasure } from "../state/assay";

export function MeasureChoice({ body, id }: { body: AssayBody; id: string }) {
  return (
    <>
      {body.measures.length > 1 && (
        <select id={id} aria-label="Measure" class="grow" value={shownMeasure.value.replace(/_t0$/, "")} onChange={(event) => (measureName.value = event.currentTarget.value)}>
          {body.measures.map((one) => <option key={one.name} value={one.name}>{one.title}</option>)}
        </select>
      )}
      {canBeRelative.value && (
        <label class="auto-toggle" title="Each value divided by that of the same well at the first time">
          <input type="checkbox" checked={relative.value} onChange={(event) => (relative.value = event.currentTarget.checked)} />
          <span>relative to start</span>
        </label>
      )}
    </>
  );
}
