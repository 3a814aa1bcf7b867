/**
 * What is known of a connection: it runs its requests one after the other, in the order in which they came, and nothing
 * behind an answer that ends it.
 */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Exchange } from "../pipeline/exchange.ts";
import { isEnding } from "./gentle-end.ts";

/** Requests that wait on one connection; what is sent beyond them is not run, and must be sent again. */
const WAITING_MAX = 64;

export class Connection<Waiting> {
  /** The call that runs. */
  running: Exchange | undefined;
  /** Nothing more is taken: the last of what waits is the last to be answered. */
  closing = false;
  /** The last request that was answered before it was whole. */
  unfinished: IncomingMessage | undefined;
  readonly #socket: Socket;
  readonly #waiting: Waiting[] = [];

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Keeps a request until those before it are answered. */
  wait(request: Waiting): void {
    if (this.#waiting.length < WAITING_MAX && !this.closing) this.#waiting.push(request);
    else this.closing = true;
  }

  /** The request whose turn it is. */
  next(): Waiting | undefined {
    return isEnding(this.#socket) ? undefined : this.#waiting.shift();
  }

  /** Whether no request will be run behind the one that runs. */
  get isLast(): boolean {
    return this.closing && this.#waiting.length === 0;
  }
}
