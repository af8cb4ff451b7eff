/** One kind of event: who listens to it. */
export class Listeners<A extends unknown[]> {
  private readonly all = new Set<(...args: A) => void>();

  /** Returns a function that stops it. */
  add(listener: (...args: A) => void): () => void {
    // wrapped, so that a function that is added twice is called twice and taken away one by one
    const own = (...args: A): void => listener(...args);
    this.all.add(own);
    return () => void this.all.delete(own);
  }

  tell(...args: A): void {
    for (const listener of [...this.all]) listener(...args);
  }
}
