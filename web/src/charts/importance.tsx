/** What the model looks at: the features that matter most, as bars. */

/** Names and shares, the largest first; what is none is left out. */
export function importantFeatures(list: unknown[][], most: number): [string, number][] {
  return list
    .filter((pair): pair is [string, number] => typeof pair[0] === "string" && typeof pair[1] === "number" && pair[1] > 0)
    .map(([name, share]): [string, number] => [name, share])
    .sort((a, b) => b[1] - a[1])
    .slice(0, most);
}

export function Importance({ list }: { list: unknown[][] }) {
  const rows = importantFeatures(list, 8);
  const most = rows[0]?.[1] ?? 0;
  if (rows.length === 0) return null;
  return (
    <ol class="importance">
      {rows.map(([name, share]) => (
        <li key={name}>
          <span class="name" title={name}>{name}</span>
          <span class="track" aria-hidden="true"><span style={{ width: `${(100 * share) / most}%` }} /></span>
          <span class="number quiet">{(100 * share).toFixed(share < 0.0995 ? 1 : 0)} %</span>
        </li>
      ))}
    </ol>
  );
}
