/** Films of the fields, one at a time: nothing is fetched before somebody wants to see one. */
import { useState } from "preact/hooks";
import { runFile } from "../api/client";
import type { AssayBody } from "../api/types";
import { count } from "../state/numbers";
import { Part } from "./assay_part";

const nameOf = (path: string): string => path.replace(/^.*\//, "").replace(/\.\w+$/, "");

export function Videos({ id, body }: { id: string; body: AssayBody }) {
  const [chosen, setChosen] = useState("");
  if (body.videos.length === 0) return null;
  const path = body.videos.includes(chosen) ? chosen : "";
  const source = path && runFile(id, path, body.before_corrections);
  return (
    <Part title="Films" about={count(body.videos.length, "field")}>
      <div class="card-body">
        <select aria-label="Film" value={path} onChange={(event) => setChosen(event.currentTarget.value)}>
          <option value="">choose a field</option>
          {body.videos.map((one) => <option key={one} value={one}>{nameOf(one)}</option>)}
        </select>
        {path.endsWith(".gif") && <img class="film" src={source} alt={`Film of ${nameOf(path)}`} />}
        {path && !path.endsWith(".gif") && <video key={path} class="film" src={source} controls muted loop playsInline preload="metadata" aria-label={`Film of ${nameOf(path)}`} />}
        {path && <a href={source} download="">Save this film</a>}
      </div>
    </Part>
  );
}
