import { createTRPCUntypedClient, httpLink } from "@trpc/client";
import { backoffMs } from "../backoff/index.ts";
import { type Api, PROCEDURES } from "../generated/router.ts";
import { errorFrom } from "./error-from.ts";
import { HeadgateError } from "./errors.ts";
import { headersOf } from "./headers.ts";
import type { CallOptions, ClientOptions } from "./options.ts";
import { withPatience } from "./patience.ts";
import { pause } from "./pause.ts";
import { fetchAnswer } from "./read-answer.ts";
import { createWatcher } from "./watch.ts";

type Call<P> = P extends { kind: infer Kind; input: infer Input; output: infer Output }
  ? Kind extends "subscription"
    ? (input: Input, options?: CallOptions) => AsyncIterable<Output>
    : undefined extends Input
      ? (input?: Input, options?: CallOptions) => Promise<Output>
      : (input: Input, options?: CallOptions) => Promise<Output>
  : never;

/** A function for every procedure of the API, by domain. */
export type Client = {
  readonly [D in keyof Api]: { readonly [P in keyof Api[D]]: Call<Api[D][P]> };
};

/** What each procedure takes: `Inputs["agents"]["create"]`. */
export type Inputs = {
  [D in keyof Api]: { [P in keyof Api[D]]: Api[D][P] extends { input: infer Input } ? Input : never };
};

/** What each procedure gives, a subscription one after the other. */
export type Outputs = {
  [D in keyof Api]: { [P in keyof Api[D]]: Api[D][P] extends { output: infer Output } ? Output : never };
};

/**
 * Makes a client of the control plane's API. Nothing is sent until a procedure is called. A call that fails rejects
 * with a `HeadgateError`, whatever the reason.
 *
 * ```ts
 * const headgate = createClient({ url, credential: adminKey });
 * const agent = await headgate.agents.create({ name: "researcher" });
 * ```
 */
export function createClient(options: ClientOptions): Client {
  const send = createSender(options);
  const watch = createWatcher(options);
  const domains = Object.entries(PROCEDURES).map(([domain, procedures]) => {
    const calls = Object.entries(procedures).map(([name, kind]) => [
      name,
      (input?: unknown, callOptions?: CallOptions) => {
        const path = `${domain}.${name}`;
        return kind === "subscription"
          ? watch(path, input, callOptions)
          : send({ path, kind, input }, callOptions);
      },
    ]);
    return [domain, Object.freeze(Object.fromEntries(calls))];
  });
  // One function per entry of the list that was generated together with the type.
  return Object.freeze(Object.fromEntries(domains)) as Client;
}

interface Request {
  path: string;
  kind: "query" | "mutation";
  input: unknown;
}

function createSender(options: ClientOptions) {
  const { timeoutMs = 30_000, retriesMax = 2, retryDelayMs = 200 } = options;
  const transport = createTRPCUntypedClient({
    links: [
      httpLink({
        url: `${options.url.replace(/\/+$/, "")}/trpc`,
        headers: headersOf(options),
        fetch: (url, init) => fetchAnswer(options.fetch ?? globalThis.fetch, url, init as RequestInit),
      }),
    ],
  });

  async function attempt(request: Request, signal: AbortSignal | undefined): Promise<unknown> {
    const patience = withPatience(timeoutMs, `no answer within ${timeoutMs} ms`, signal);
    try {
      return await transport[request.kind](request.path, request.input, { signal: patience.signal });
    } catch (failure) {
      throw errorFrom(patience.signal.aborted ? patience.signal.reason : failure);
    } finally {
      patience.end();
    }
  }

  return async (request: Request, { signal }: CallOptions = {}): Promise<unknown> => {
    for (let retries = 0; ; retries += 1) {
      try {
        return await attempt(request, signal);
      } catch (error) {
        const again =
          request.kind === "query" &&
          retries < retriesMax &&
          error instanceof HeadgateError &&
          error.code === "network" &&
          signal?.aborted !== true;
        if (!again) throw error;
        const timing = { firstMs: retryDelayMs, maxMs: Number.POSITIVE_INFINITY };
        await pause(backoffMs(timing, retries + 1, Math.random()), signal);
      }
    }
  };
}
