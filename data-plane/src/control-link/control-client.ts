/**
 * HTTP to the control plane: bounded in time and size, no redirects. Answers of any status are values; what never
 * became an answer is thrown. Every request states the version of the contract that is read here, every answer that of
 * the control plane, and what is sent is in the newest that both know.
 */
import {
  CONTRACT_HEADER,
  type Contract,
  type Format,
  oldestSpoken,
  statedVersion,
} from "@headgate/sdk/contract";
import { Agent, type Dispatcher } from "undici";
import type { Clock } from "../lib/clock.ts";

export interface ControlRequest {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** What to send, in a version of the contract. Called again where it has to be sent in an older one. */
  readonly body?: (version: number) => string | Promise<Uint8Array>;
  /** 64 KiB when absent. */
  readonly bytesMax?: number;
  /** For the whole exchange; 10 s when absent. */
  readonly timeoutMs?: number;
}

export interface ControlResponse {
  readonly status: number;
  /** Undefined when the header is absent. */
  header(name: string): string | undefined;
  readonly body: Buffer;
}

/** An answer whose body is read as it comes. */
export interface ControlStream {
  readonly status: number;
  readonly body: AsyncIterable<Uint8Array>;
}

export interface ControlClient {
  send(request: ControlRequest): Promise<ControlResponse>;
  /** Ends by itself when no byte has come for `idleMs`. */
  openStream(path: string, headers: Readonly<Record<string, string>>, idleMs: number): Promise<ControlStream>;
  /** Unix milliseconds by the control plane's clock, as its answers tell it; ours until one has. */
  serverTimeMs(): number;
  /** Breaks off what is under way. Later requests are refused. */
  close(): Promise<void>;
}

export class AnswerTooLargeError extends Error {
  readonly code = "answer_too_large";
}

export function createControlClient({
  baseUrl,
  clock,
  contract,
}: {
  baseUrl: string;
  clock: Clock;
  contract: Contract;
}): ControlClient {
  const { origin, pathname } = new URL(baseUrl);
  const prefix = pathname.replace(/\/+$/, "");
  const agent = new Agent({
    connections: 8,
    connect: { timeout: CONNECT_TIMEOUT_MS },
    headersTimeout: HEADERS_TIMEOUT_MS,
  });
  const closed = new AbortController();
  let serverClock: { readonly serverMs: number; readonly at: number } | undefined;
  /** The newest version that both planes know, as far as has been heard. */
  let version = contract.version;

  const request = async (
    options: Omit<Dispatcher.RequestOptions, "origin" | "headers"> & { headers: Record<string, string> },
  ): Promise<Dispatcher.ResponseData> => {
    const response = await agent.request({
      ...options,
      origin,
      path: prefix + options.path,
      headers: { ...options.headers, [CONTRACT_HEADER]: String(contract.version) },
    });
    // An answer of something in between says nothing of the control plane.
    if (response.statusCode < 500) {
      const theirs = statedVersion(headerOf(response.headers, CONTRACT_HEADER)) ?? 1;
      version = Math.max(oldestSpoken(contract), Math.min(contract.version, theirs));
    }
    const serverMs = Date.parse(headerOf(response.headers, "date") ?? "");
    if (Number.isFinite(serverMs)) serverClock = { serverMs, at: clock.monotonicMs() };
    return response;
  };

  return {
    async send({ method, path, headers = {}, body, bytesMax = 64 * 1024, timeoutMs = 10_000 }) {
      const signal = AbortSignal.any([closed.signal, AbortSignal.timeout(timeoutMs)]);
      const sendIn = async (used: number) =>
        request({
          method,
          path,
          headers: { ...headers },
          body: (await body?.(used)) ?? null,
          signal,
          bodyTimeout: timeoutMs,
        });
      const used = version;
      let response = await sendIn(used);
      if (body !== undefined && used > version && isClientError(response.statusCode)) {
        // It was in a version that the control plane turns out not to know.
        await response.body.dump();
        response = await sendIn(version);
      }
      return {
        status: response.statusCode,
        header: (name) => headerOf(response.headers, name),
        body: await readCapped(response.body, bytesMax),
      };
    },
    async openStream(path, headers, idleMs) {
      const response = await request({
        method: "GET",
        path,
        headers: { ...headers },
        signal: closed.signal,
        bodyTimeout: idleMs,
      });
      return { status: response.statusCode, body: response.body };
    },
    serverTimeMs() {
      return serverClock === undefined
        ? clock.wallMs()
        : serverClock.serverMs + Math.floor(clock.monotonicMs() - serverClock.at);
    },
    async close() {
      closed.abort();
      await agent.destroy();
    },
  };
}

const CONNECT_TIMEOUT_MS = 5_000;
const HEADERS_TIMEOUT_MS = 10_000;

/** Posts a document of the contract, made when it is sent. */
export function posting<T>(path: string, format: Format<T>, document: () => T): ControlRequest {
  return {
    method: "POST",
    path,
    headers: { "content-type": "application/json" },
    body: (version) => JSON.stringify(format.write(document(), version)),
  };
}

/** What an answer says. Throws on what is no such document. */
export function documentIn<T>(format: Format<T>, { body }: ControlResponse): T {
  const reading = format.read(JSON.parse(body.toString("utf8")));
  if (reading.ok) return reading.value;
  const { path, message } = reading.issues[0] ?? { path: "", message: "not valid" };
  throw new Error(`an answer of the control plane cannot be read: ${path}: ${message}`);
}

function isClientError(status: number): boolean {
  return status >= 400 && status < 500;
}

function headerOf(headers: Dispatcher.ResponseData["headers"], name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

async function readCapped(body: AsyncIterable<Uint8Array>, bytesMax: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  // Leaving the loop early destroys the body, and with it the connection.
  for await (const chunk of body) {
    length += chunk.length;
    if (length > bytesMax) throw new AnswerTooLargeError(`an answer of more than ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}
