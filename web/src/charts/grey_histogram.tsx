/** Grey levels with the threshold on them. */
import type { HistogramInfo } from "../api/types";
import { shortNumber } from "../state/numbers";
import { areaPath, rebin } from "./bars";

const [WIDTH, HEIGHT] = [340, 54];

/** Without a histogram its place stays, so that nothing moves when it comes. */
export function GreyHistogram({ histogram }: { histogram: HistogramInfo | null }) {
  if (!histogram) {
    return (
      <figure class="grey-histogram" aria-hidden="true">
        <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} />
        <figcaption>&nbsp;</figcaption>
      </figure>
    );
  }
  const { low, high, threshold } = histogram;
  const at = threshold === null || high <= low ? null : (WIDTH * (threshold - low)) / (high - low);
  const words = threshold === null ? "" : `, threshold ${shortNumber(threshold)}`;
  return (
    <figure class="grey-histogram">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={`Grey levels from ${shortNumber(low)} to ${shortNumber(high)}${words}`}>
        <path class="area" d={areaPath(rebin(histogram.counts, 170), WIDTH, HEIGHT)} />
        {at !== null && at >= 0 && at <= WIDTH && <line class="threshold" x1={at} x2={at} y1={0} y2={HEIGHT} />}
      </svg>
      <figcaption>
        <span class="number">{shortNumber(low)}</span>
        {threshold !== null && <span class="number threshold-text">threshold {shortNumber(threshold)}</span>}
        <span class="number">{shortNumber(high)}</span>
      </figcaption>
    </figure>
  );
}
