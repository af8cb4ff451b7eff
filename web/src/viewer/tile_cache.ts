/**
 * Tiles from the server: at most a few on their way at once, nearest first, what is no longer wanted is aborted.
 *
 * Kept tiles are bounded by their bytes; the one that was not used for the longest time goes first, and never one that
 * is wanted now. A server that is still reading the file (503) is asked again, later each time. Every tile has an
 * AbortController of its own.
 */

export type Tile =
  | { state: "ready"; data: ArrayBuffer; rows: number; columns: number }
  /** 204: nothing but zeros. */
  | { state: "empty" }
  | { state: "failed"; reason: string };

export interface TileRequest {
  key: string;
  url: string;
}

export interface CacheOptions {
  onTile: (key: string, tile: Tile) => void;
  fetch?: typeof fetch;
  maxBytes?: number;
  /**
   * Browsers open six connections to an HTTP/1.1 server. With five for tiles, one is left for a stroke and its answer,
   * which must not queue behind pictures.
   */
  maxInFlight?: number;
  /** Milliseconds before the first new try; grows by half with each. */
  firstWait?: number;
  /** Milliseconds after which a failed tile that is still wanted is tried again. */
  forgetFailure?: number;
}

/** Tries after which a tile that cannot be had counts as failed; 503 is asked for without end. */
const TRIES = 4;
const LONGEST_WAIT = 3000;

interface Flight {
  controller: AbortController;
}

export class TileCache {
  private tiles = new Map<string, { tile: Tile; bytes: number; time: number }>();
  private flights = new Map<string, Flight>();
  private wanted: TileRequest[] = [];
  private wantedKeys = new Set<string>();
  private bytes = 0;
  private closed = false;
  private later: ReturnType<typeof setTimeout> | undefined;
  private readonly forgetFailure: number;
  private readonly fetch: typeof fetch;
  private readonly maxBytes: number;
  private readonly maxInFlight: number;
  private readonly firstWait: number;

  constructor(private readonly options: CacheOptions) {
    this.fetch = options.fetch ?? ((input, init) => fetch(input, init));
    this.maxBytes = options.maxBytes ?? 300e6;
    this.maxInFlight = options.maxInFlight ?? 5;
    this.firstWait = options.firstWait ?? 100;
    this.forgetFailure = options.forgetFailure ?? 5000;
  }

  /** A tile, if it is here; it counts as used. */
  get(key: string): Tile | undefined {
    const entry = this.tiles.get(key);
    if (!entry) return undefined;
    // a Map keeps the order of insertion: the first is the one that was not used for the longest time
    this.tiles.delete(key);
    this.tiles.set(key, entry);
    return entry.tile;
  }

  /** Say which tiles are wanted now, the most wanted first; replaces what was wanted before. */
  want(requests: TileRequest[]): void {
    this.wanted = requests;
    this.wantedKeys = new Set(requests.map((request) => request.key));
    for (const [key, flight] of this.flights) {
      if (this.wantedKeys.has(key)) continue;
      flight.controller.abort();
      this.flights.delete(key);
    }
    this.start();
  }

  /** Put a tile in by hand, in place of an older one. */
  put(key: string, tile: Tile): void {
    this.remove(key);
    const bytes = tile.state === "ready" ? tile.data.byteLength : 64;
    this.tiles.set(key, { tile, bytes, time: performance.now() });
    this.bytes += bytes;
    this.evict();
  }

  /** Forget tiles, and stop those on their way. */
  drop(which: (key: string) => boolean): void {
    // not asked for again with an address that may be outdated; the next call of `want` has the new one
    this.wanted = this.wanted.filter(({ key }) => !which(key));
    for (const key of [...this.tiles.keys()]) if (which(key)) this.remove(key);
    for (const [key, flight] of this.flights) {
      if (!which(key)) continue;
      flight.controller.abort();
      this.flights.delete(key);
    }
  }

  /** Fetch one tile at once, past the queue, and keep it nowhere. Never rejects: null when it was aborted. */
  async fetchNow(url: string, signal: AbortSignal): Promise<Tile | null> {
    let wait = this.firstWait;
    for (let attempt = 1; ; attempt++) {
      const got = await this.load(url, signal, "high");
      if (got === null) return null;
      if (got.tile && (!got.passing || attempt >= TRIES)) return got.tile;
      await sleep(wait, signal);
      wait = Math.min(wait * 1.5, LONGEST_WAIT);
    }
  }

  get inFlight(): number {
    return this.flights.size;
  }

  get size(): number {
    return this.bytes;
  }

  destroy(): void {
    this.closed = true;
    clearTimeout(this.later);
    this.wanted = [];
    this.drop(() => true);
  }

  private start(): void {
    if (this.closed) return;
    for (const request of this.wanted) {
      if (this.flights.size >= this.maxInFlight) return;
      if (this.flights.has(request.key)) continue;
      const entry = this.tiles.get(request.key);
      if (entry && !(entry.tile.state === "failed" && performance.now() - entry.time > this.forgetFailure)) continue;
      const flight = { controller: new AbortController() };
      this.flights.set(request.key, flight);
      void this.fly(request, flight);
    }
  }

  private startLater(): void {
    this.later ??= setTimeout(() => {
      this.later = undefined;
      this.start();
    }, this.forgetFailure + 1);
  }

  private async fly({ key, url }: TileRequest, flight: Flight): Promise<void> {
    let wait = this.firstWait;
    for (let attempt = 1; ; attempt++) {
      const got = await this.load(url, flight.controller.signal, "auto");
      if (got === null || this.flights.get(key) !== flight) return;
      if (got.tile && (!got.passing || attempt >= TRIES)) {
        this.flights.delete(key);
        this.put(key, got.tile);
        this.start();
        // a server that was away is asked again by itself, what it refused is not
        if (got.tile.state === "failed" && got.passing) this.startLater();
        this.options.onTile(key, got.tile);
        return;
      }
      await sleep(wait, flight.controller.signal);
      wait = Math.min(wait * 1.5, LONGEST_WAIT);
    }
  }

  /** One try: null when aborted, no tile when the server is still reading, `passing` when another try may help. */
  private async load(
    url: string,
    signal: AbortSignal,
    priority: RequestPriority,
  ): Promise<{ tile: Tile | null; passing: boolean } | null> {
    try {
      const response = await this.fetch(url, { signal, priority, credentials: "same-origin" });
      if (response.status === 204) return { tile: { state: "empty" }, passing: false };
      if (response.status === 503) return { tile: null, passing: true };
      if (!response.ok) {
        const passing = response.status >= 500 || response.status === 429;
        return { tile: { state: "failed", reason: `the server answered ${response.status}` }, passing };
      }
      const shape = /^\s*(\d+)\s*,\s*(\d+)\s*$/.exec(response.headers.get("X-Tile-Shape") ?? "");
      const data = await response.arrayBuffer();
      return { tile: { state: "ready", data, rows: Number(shape?.[1] ?? 0), columns: Number(shape?.[2] ?? 0) }, passing: false };
    } catch (error) {
      if (signal.aborted) return null;
      const reason = error instanceof Error ? error.message : String(error);
      return { tile: { state: "failed", reason: `no answer: ${reason}` }, passing: true };
    }
  }

  private remove(key: string): void {
    const entry = this.tiles.get(key);
    if (!entry) return;
    this.tiles.delete(key);
    this.bytes -= entry.bytes;
  }

  private evict(): void {
    if (this.bytes <= this.maxBytes) return;
    for (const key of [...this.tiles.keys()]) {
      if (this.bytes <= this.maxBytes) return;
      if (!this.wantedKeys.has(key)) this.remove(key);
    }
  }
}

/** Wait; ends at once when aborted. */
function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
    signal.addEventListener("abort", done);
  });
}
