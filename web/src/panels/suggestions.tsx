/** Paint here next: places where the model hesitates most, numbered as in the image. */
import { useState } from "preact/hooks";
import { areas, goToSuggestion, hesitation, liveOn, livePlain, stepSuggestion, suggestionAt, suggestions, suggestionsOn } from "../state/learn";
import { classColours } from "../state/paint";
import { sentence } from "../state/numbers";
import { Button } from "./controls";

export function Suggestions() {
  const [hovered, setHovered] = useState(-1);
  if (!liveOn.value || livePlain.value) return null;
  const list = suggestions.value;
  const told = list[hovered] ?? list[suggestionAt.value];
  return (
    <section class="suggestions" aria-label="Paint here next">
      <div class="row">
        <h2 class="small-title">Paint here next</h2>
        <span class="spring" />
        <Button icon="next" label="Next place" keys="N" disabled={list.length === 0} onClick={() => stepSuggestion(1)} />
        <Button icon={suggestionsOn.value ? "eye" : "eye_off"} label="Show the places in the image" pressed={suggestionsOn.value} onClick={() => (suggestionsOn.value = !suggestionsOn.value)} />
      </div>
      <ul class="places">
        {list.map((one, at) => (
          <li key={at}>
            <button
              type="button" class="button place-button" aria-pressed={at === suggestionAt.value} aria-label={`Place ${at + 1}: ${hesitation(one)}. ${sentence(one.reason)}`}
              onClick={() => goToSuggestion(at)} onPointerEnter={() => setHovered(at)} onPointerLeave={() => setHovered(-1)} onFocus={() => setHovered(at)} onBlur={() => setHovered(-1)}
            >
              <span class="number">{at + 1}</span>
              {one.class_ids.map((id) => <i key={id} class="swatch" style={{ background: classColours.value[id] }} />)}
            </button>
          </li>
        ))}
      </ul>
      <p class="quiet place-told">
        {told ? <><strong>{hesitation(told)}?</strong> {sentence(told.reason)}</> : list.length > 0 ? "A stroke in one of these places teaches the model most." : areas.value && !areas.value.stale
          ? "No place stands out: paint where you see that it is wrong." : "The places come with the whole prediction."}
      </p>
    </section>
  );
}
