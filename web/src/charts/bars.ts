/** Geometry of the charts, apart from how they are drawn. */

/** Counts added up into at most `n` bins of equally many: with unequal ones a smooth histogram would look like a comb. */
export function rebin(counts: number[], n: number): number[] {
  const each = Math.ceil(counts.length / n);
  if (each <= 1) return counts;
  const out = new Array<number>(Math.ceil(counts.length / each)).fill(0);
  counts.forEach((value, at) => {
    const to = Math.floor(at / each);
    out[to] = (out[to] as number) + value;
  });
  return out;
}

/** Filled outline of counts as an SVG path in a box of `width` x `height`; the square root lets small counts be seen. */
export function areaPath(counts: number[], width: number, height: number): string {
  const most = Math.max(1, ...counts);
  const step = width / Math.max(1, counts.length);
  const top = (value: number): string => (height - height * Math.sqrt(value / most)).toFixed(2);
  const body = counts.map((value, at) => `V${top(value)}H${((at + 1) * step).toFixed(2)}`).join("");
  return `M0 ${height}${body}V${height}Z`;
}

/** Round numbers for an axis, at most about `most` of them, all inside [low, high]. */
export function ticks(low: number, high: number, most: number): number[] {
  const span = high - low;
  if (!(span > 0) || most < 1) return [];
  const rough = span / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const rest = rough / power;
  const step = power * (rest <= 1 ? 1 : rest <= 2 ? 2 : rest <= 5 ? 5 : 10);
  const found: number[] = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + step * 1e-9; at++) found.push(Number((at * step).toPrecision(10)));
  return found;
}
