/** Images that somebody should look at, the most doubtful first; a click shows the image with what was found in it. */
import { useState } from "preact/hooks";
import { runFile } from "../api/client";
import type { AssayBody, AssayReview } from "../api/types";
import { timeText } from "../charts/plate_scale";
import { openAssayImage } from "../state/assay";
import { runImage } from "../state/results";
import { plane } from "../state/view";
import { Part } from "./assay_part";
import { Button } from "./controls";

/** Less is not worth a look: the report says so too. */
export const LEAST_DOUBT = 0.1;
const AT_ONCE = 12;

function Item({ id, body, one }: { id: string; body: AssayBody; one: AssayReview }) {
  const several = new Set(body.images.map((image) => image.time)).size > 1;
  const where = [one.well || one.file, several && one.time !== null ? timeText(one.time, body.time_unit) : "", `doubt ${(100 * one.doubt).toFixed(0)} %`].filter(Boolean).join(" · ");
  const here = runImage.value?.stem === one.stem && plane.value.t === one.frame;
  return (
    <li>
      <button type="button" class={`review-item ${here ? "here" : ""}`} aria-current={here ? "true" : undefined} title={one.file} onClick={() => openAssayImage(one)}>
        {one.overlay ? <img src={runFile(id, one.overlay, body.before_corrections)} alt="" loading="lazy" decoding="async" /> : <i class="no-picture" aria-hidden="true" />}
        <span><strong class="number">{where}</strong><span>{one.why}</span></span>
      </button>
    </li>
  );
}

export function AssayReviewPart({ id, body }: { id: string; body: AssayBody }) {
  const [most, setMost] = useState(AT_ONCE);
  const [all, setAll] = useState(false);
  const doubtful = body.review.filter((one) => one.doubt >= LEAST_DOUBT);
  const first = body.review[0];
  if (!first) return null;
  const list = all ? body.review : doubtful;
  const single = body.images.length < 2;
  if (single && doubtful.length === 0) return null;
  return (
    <Part title="Look at these" about={doubtful.length > 0 ? `${doubtful.length} doubtful` : "none doubtful"} open>
      <div class="card-body">
        {doubtful.length === 0 && <p class="quiet">No image is doubtful: the highest doubt is {(100 * first.doubt).toFixed(0)} % ({first.well || first.file}).</p>}
        {list.length > 0 && <ul class="review-strip">{list.slice(0, most).map((one) => <Item key={`${one.stem}/${one.frame}`} id={id} body={body} one={one} />)}</ul>}
        <div class="row wrap">
          {list.length > most && <Button label={`${Math.min(AT_ONCE, list.length - most)} more of ${list.length - most}`} text onClick={() => setMost(most + AT_ONCE)} />}
          {!all && doubtful.length < body.review.length && <Button label={`All ${body.review.length} by doubt`} text onClick={() => setAll(true)} />}
          {all && <Button label="Only the doubtful" text onClick={() => setAll(false)} />}
        </div>
      </div>
    </Part>
  );
}
