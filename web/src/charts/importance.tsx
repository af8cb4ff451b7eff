/** What the model looks at: kinds, scales and channels of features that matter most, each group as bars. */

export interface Group {
  name: string;
  /** What is in it and its share within the group, the largest first. */
  rows: [string, number][];
}

const NAMES: Record<string, string> = { kind: "Kind of feature", scale: "Scale", channel: "Channel" };

/** "kind: gradient" goes into the group "kind"; what counts nothing is left out, and of each group only the first `most` stay. */
export function importanceGroups(list: unknown[][], most: number): Group[] {
  const groups = new Map<string, [string, number][]>();
  for (const [name, share] of list) {
    if (typeof name !== "string" || typeof share !== "number" || !(share > 0)) continue;
    const [, group = "", rest = name] = /^(\w+): (.+)$/.exec(name) ?? [];
    groups.set(group, [...(groups.get(group) ?? []), [rest, share]]);
  }
  return [...groups].map(([group, rows]) => ({ name: NAMES[group] ?? group, rows: rows.sort((a, b) => b[1] - a[1]).slice(0, most) }));
}

export function Importance({ list }: { list: unknown[][] }) {
  return (
    <>
      {importanceGroups(list, 5).map((group) => (
        <figure key={group.name} class="importance">
          {group.name && <figcaption class="quiet">{group.name}</figcaption>}
          <ol>
            {group.rows.map(([name, share]) => (
              <li key={name}>
                <span class="name" title={name}>{name}</span>
                <span class="track" aria-hidden="true"><span style={{ width: `${100 * Math.min(1, share)}%` }} /></span>
                <span class="number quiet">{(100 * share).toFixed(share < 0.0995 ? 1 : 0)} %</span>
              </li>
            ))}
          </ol>
        </figure>
      ))}
    </>
  );
}
