/** The socket: says hello, reconnects by itself with growing pauses, and tells when messages may have been missed. */
import { address } from "./client";
import type {
  ClassInfo, EditAck, ImageEntry, Job, LearnLook, LearnPrediction, LearnState, PaintAck, PreviewRequest, PreviewResult, Project,
} from "./types";

export type SocketMessage =
  | { type: "hello"; version: string; author: string }
  | PreviewResult & { type: "preview_result" }
  | { type: "preview_progress"; request: number; step: number; n_steps: number; name: string }
  | { type: "preview_error"; request: number; code: string; message: string }
  | ({ type: "paint"; image: string; layer: string; t: number; z: number; author: string } & PaintAck)
  | { type: "classes"; classes: ClassInfo[] }
  | ({ type: "edits"; run: string; stem: string; t: number; author: string } & EditAck)
  | { type: "images"; images?: ImageEntry[]; removed?: string[] }
  | { type: "project"; project: Project }
  | { type: "job"; job: Job }
  | { type: "runs"; runs: string[] }
  | { type: "learn"; state: LearnState }
  | LearnPrediction & { type: "learn_prediction" }
  | { type: "learn_error"; request: number; code: string; message: string }
  | { type: "resync" };

export interface SocketListener {
  message(message: SocketMessage): void;
  /** `again` is true when it is not the first time: whatever came in between was missed. */
  open(again: boolean): void;
  /** `tries` counts failed attempts since the last connection. */
  closed(tries: number): void;
}

/** Pause before attempt `tries` in milliseconds: 0.25 s, doubled each time, at most 8 s. */
export function pause(tries: number): number {
  return Math.min(8000, 250 * 2 ** Math.max(0, tries - 1));
}

export function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class Connection {
  readonly client = randomId();
  private socket: WebSocket | null = null;
  private tries = 0;
  private opened = false;
  private ended = false;
  private timer = 0;

  constructor(private readonly listener: SocketListener) {}

  start(): void {
    if (this.ended) return;
    const socket = new WebSocket(address("/socket").replace(/^http/, "ws"));
    this.socket = socket;
    socket.onopen = () => {
      this.tries = 0;
      socket.send(JSON.stringify({ type: "hello", client: this.client }));
      this.listener.open(this.opened);
      this.opened = true;
    };
    socket.onmessage = (event) => this.listener.message(JSON.parse(String(event.data)) as SocketMessage);
    socket.onclose = () => {
      if (this.socket !== socket || this.ended) return;
      this.socket = null;
      this.tries += 1;
      this.listener.closed(this.tries);
      this.timer = window.setTimeout(() => this.start(), pause(this.tries));
    };
  }

  /** Try now instead of waiting for the next attempt. */
  retry(): void {
    if (this.socket) return;
    window.clearTimeout(this.timer);
    this.start();
  }

  /** Send a preview request or what is looked at; false when there is no connection. */
  send(message: PreviewRequest | LearnLook): boolean {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  stop(): void {
    this.ended = true;
    window.clearTimeout(this.timer);
    this.socket?.close();
  }
}
