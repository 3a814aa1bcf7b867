import { setTimeout as sleep } from "node:timers/promises";
import type { KubernetesClient, KubernetesObject } from "./client.ts";
import { type Check, readinessCheck } from "./readiness.ts";

export type WaitOptions = {
  readonly timeoutMs: number;
  /** Ends the wait early: the operation is being cancelled. */
  readonly signal: AbortSignal;
  readonly awaitAll: boolean;
  /** How long a Service is left to settle after its endpoints are there. */
  readonly settleMs: number;
};

/** The object exists but did not become ready; `live` is how it was last seen. */
export class NotReadyError extends Error {
  readonly live: KubernetesObject;
  readonly reasons: string[];

  constructor(live: KubernetesObject, reasons: string[]) {
    super(reasons.join("; "));
    this.live = live;
    this.reasons = reasons;
  }
}

/** Waits until `object` is ready, if its kind is waited on, and gives it as it then is. */
export async function waitUntilReady(
  client: KubernetesClient,
  object: KubernetesObject,
  options: WaitOptions,
): Promise<KubernetesObject> {
  const check = readinessCheck(object, options.awaitAll);
  if (check === undefined) return object;
  const live = await pollUntilReady(client, object, check, options);
  const settles = live.kind === "Service" && live.apiVersion === "v1";
  if (settles) await pause(options.settleMs, options.signal);
  return (await find(client, live)) ?? live;
}

/** Why the object is not ready, if it is not: one look, as a refresh takes it. */
export async function whyNotReady(
  client: KubernetesClient,
  object: KubernetesObject,
  awaitAll: boolean,
): Promise<string[]> {
  const verdict = await readinessCheck(object, awaitAll)?.(object, client);
  return verdict === undefined || verdict.state === "ready" ? [] : verdict.reasons;
}

/** Waits until the object that was deleted is gone, or another has taken its place. */
export async function waitUntilGone(
  client: KubernetesClient,
  object: KubernetesObject,
  { timeoutMs, signal }: Pick<WaitOptions, "timeoutMs" | "signal">,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (let attempt = 0; ; attempt += 1) {
    const live = await find(client, object);
    if (live === undefined || live.metadata.uid !== object.metadata.uid) return;
    if (signal.aborted)
      throw new NotReadyError(live, [`Resource operation was cancelled for "${live.metadata.name}"`]);
    if (Date.now() > deadline) {
      throw new NotReadyError(live, [
        `timed out waiting for "${live.metadata.name}" to be deleted: ${stillHeldBy(live)}`,
      ]);
    }
    await pause(intervalMs(attempt), signal);
  }
}

async function pollUntilReady(
  client: KubernetesClient,
  object: KubernetesObject,
  check: Check,
  { timeoutMs, signal }: WaitOptions,
): Promise<KubernetesObject> {
  const deadline = Date.now() + timeoutMs;
  let live = object;
  for (let attempt = 0; ; attempt += 1) {
    const verdict = await check(live, client);
    if (verdict.state === "ready") return live;
    if (verdict.state === "failed") throw new NotReadyError(live, verdict.reasons);
    if (signal.aborted)
      throw new NotReadyError(live, [`Resource operation was cancelled for "${live.metadata.name}"`]);
    if (Date.now() > deadline) {
      throw new NotReadyError(live, [
        `'${live.metadata.name}' timed out waiting to be Ready`,
        ...verdict.reasons,
      ]);
    }
    await pause(intervalMs(attempt), signal);
    const next = await find(client, live);
    if (next === undefined)
      throw new NotReadyError(live, [`'${live.metadata.name}' was deleted while waiting for it`]);
    live = next;
  }
}

function find(client: KubernetesClient, { apiVersion, kind, metadata }: KubernetesObject) {
  return client.find(apiVersion, kind, metadata.namespace, metadata.name);
}

function stillHeldBy(live: KubernetesObject): string {
  const finalizers = live.metadata["finalizers"];
  return Array.isArray(finalizers) ? `finalizers ${finalizers.join(", ")}` : "it is still there";
}

function intervalMs(attempt: number): number {
  return Math.min(100 * 1.3 ** attempt, 1_000);
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {});
}
