/** "Why this?": what the automatic steps found, in a sentence, values and the candidates they compared. */
import type { ChoiceInfo } from "../api/types";
import { shortNumber } from "../state/numbers";
import { Icon } from "./icons";

export function valueText(value: unknown): string {
  if (value === null || value === undefined) return "–";
  if (typeof value === "number") return shortNumber(value);
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.map(valueText).join(", ");
  return typeof value === "object" ? JSON.stringify(value) : String(value).replaceAll("_", " ");
}

function Candidates({ choice }: { choice: ChoiceInfo }) {
  const columns = [...new Set(choice.candidates.flatMap((candidate) => Object.keys(candidate)))];
  return (
    <div class="scroll-x" tabIndex={0} role="region" aria-label={`Candidates for ${choice.about}`}>
      <table class="small-table">
        <thead><tr>{columns.map((name) => <th key={name} scope="col">{name.replaceAll("_", " ")}</th>)}</tr></thead>
        <tbody>
          {choice.candidates.map((candidate, at) => (
            <tr key={at}>{columns.map((name) => <td key={name} class={typeof candidate[name] === "number" ? "number" : ""}>{valueText(candidate[name])}</td>)}</tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function Why({ choices }: { choices: ChoiceInfo[] }) {
  if (choices.length === 0) return null;
  return (
    <details class="card why">
      <summary><Icon name="chevron" /><span class="card-title">Why this?</span></summary>
      {choices.map((choice, at) => (
        <section key={at}>
          <h3>{choice.about}</h3>
          <p>{choice.reason}</p>
          <dl class="values">
            {Object.entries(choice.chosen).map(([name, value]) => (
              <div key={name}><dt>{name.replaceAll("_", " ")}</dt><dd class="number">{valueText(value)}</dd></div>
            ))}
          </dl>
          {choice.candidates.length > 0 && <Candidates choice={choice} />}
        </section>
      ))}
    </details>
  );
}
