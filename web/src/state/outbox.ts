/**
 * Strokes on their way to the server: one after the other, each sent again under its own id until an answer comes.
 * What the server refuses is taken out at once; what it does not answer stays, and after a while somebody is told.
 */
import { ApiError } from "../api/client";

export interface Parcel<Ack> {
  id: string;
  send(): Promise<Ack>;
  /** Called once with the answer. */
  done(ack: Ack): Promise<void> | void;
  /** Called once when the server refuses it. */
  refused(error: unknown): void;
}

export interface OutboxListener {
  /** `waiting` parcels are not saved; `late` when the oldest has failed for longer than it should. */
  state(waiting: number, late: boolean): void;
}

export class Outbox<Ack> {
  private queue: Parcel<Ack>[] = [];
  private running = false;
  private failedSince = 0;
  private wake: (() => void) | null = null;

  constructor(
    private readonly listener: OutboxListener,
    private readonly patience = 3000,
    private readonly now: () => number = () => performance.now(),
  ) {}

  add(parcel: Parcel<Ack>): void {
    this.queue.push(parcel);
    this.tell();
    if (!this.running) void this.run();
  }

  get waiting(): number {
    return this.queue.length;
  }

  /** Try again now. */
  retry(): void {
    this.wake?.();
  }

  private tell(): void {
    const late = this.failedSince > 0 && this.now() - this.failedSince >= this.patience;
    this.listener.state(this.queue.length, late);
  }

  private async run(): Promise<void> {
    this.running = true;
    let tries = 0;
    for (let parcel = this.queue[0]; parcel; parcel = this.queue[0]) {
      try {
        const ack = await parcel.send();
        tries = 0;
        this.failedSince = 0;
        this.queue.shift();
        void Promise.resolve(parcel.done(ack)).catch((error: unknown) => console.error(error));
      } catch (error) {
        if (error instanceof ApiError && (error.passing || error.status === 401)) {
          tries += 1;
          if (this.failedSince === 0) this.failedSince = this.now();
          this.tell();
          await this.rest(Math.min(4000, 250 * 2 ** (tries - 1)));
          continue;
        }
        tries = 0;
        this.queue.shift();
        parcel.refused(error);
      }
      this.tell();
    }
    this.running = false;
  }

  private rest(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(done, ms);
      const self = this;
      function done(): void {
        clearTimeout(timer);
        self.wake = null;
        resolve();
      }
      this.wake = done;
    });
  }
}
