/** A score from 0 to 1 with its interval, as a bar; the text beside it says the same. */

const [WIDTH, HEIGHT] = [200, 14];

export function ScoreBar({ value, low, high, label }: { value: number; low: number; high: number; label: string }) {
  const x = (share: number): number => WIDTH * Math.min(1, Math.max(0, share));
  return (
    <svg class="score-bar" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={label}>
      <rect class="track" x={0} y={3} width={WIDTH} height={8} />
      <rect class="value" x={0} y={3} width={x(value)} height={8} />
      <path class="interval" d={`M${x(low)} 1V13M${x(high)} 1V13M${x(low)} 7H${x(high)}`} />
    </svg>
  );
}
