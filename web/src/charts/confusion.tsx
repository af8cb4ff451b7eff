/** Which class is taken for which: a table whose cells are coloured by what they say. */
import type { ClassScore } from "../api/types";

export function shareText(share: number): string {
  const percent = 100 * share;
  return percent > 0 && percent < 0.5 ? "< 1" : String(Math.round(percent));
}

export function Confusion({ classes, matrix, colours }: { classes: ClassScore[]; matrix: number[][]; colours: Record<number, string> }) {
  if (matrix.length === 0 || matrix.length !== classes.length) return null;
  const head = (one: ClassScore) => <><i class="swatch" style={{ background: colours[one.class_id] }} />{one.name}</>;
  return (
    <div class="scroll-x">
      <table class="confusion">
        <caption>Of 100 pixels of the class at the left, so many are predicted as the class at the top</caption>
        <thead><tr><td />{classes.map((one) => <th key={one.class_id} scope="col">{head(one)}</th>)}</tr></thead>
        <tbody>
          {classes.map((one, row) => (
            <tr key={one.class_id}>
              <th scope="row">{head(one)}</th>
              {(matrix[row] ?? []).map((share, column) => (
                <td key={column} class={`number ${row === column ? "right" : "wrong"}`} style={{ "--share": `${Math.round(55 * Math.min(1, Math.max(0, share)))}%` }}>{shareText(share)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
