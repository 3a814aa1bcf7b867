/**
 * Keeps the policy up to date. A conditional GET now and then is the truth; hints only make it happen sooner. One
 * fetch runs at a time, and a hint that comes during it leads to another.
 */

import { backoffMs } from "@headgate/sdk/backoff";
import {
  DATA_PLANE_API,
  SNAPSHOT_BYTES_MAX,
  SNAPSHOT_KEY_ID_HEADER,
  SNAPSHOT_SIGNATURE_HEADER,
} from "@headgate/sdk/contract";
import { jitteredMs, type RandomFraction } from "../../lib/jitter.ts";
import type { Logger } from "../../lib/logger.ts";
import type { RejectionReason } from "../../policy/policy-holder.ts";
import { AnswerTooLargeError, type ControlResponse } from "../control-client.ts";
import { createOutageLog } from "../outage-log.ts";
import type { Credentials } from "../session/credential.ts";
import type { Timers } from "../timers.ts";
import type { SnapshotAcceptance } from "./accept-snapshot.ts";
import type { LastGood } from "./last-good.ts";
import type { Verdicts } from "./verdicts.ts";
import type { ReceivedSnapshot } from "./verify-snapshot.ts";

export interface SnapshotSource {
  /** Fetches at once, and then every 30 s give or take a fifth, sooner after a failure. */
  start(): void;
  /** Fetches now, or again when a fetch is under way. Never rejects. */
  sync(): Promise<void>;
  /** Resolves when what was under way has ended. */
  stop(): Promise<void>;
}

export interface SnapshotSourceDeps {
  readonly credentials: Pick<Credentials, "authorisedFetch">;
  readonly verdicts: Verdicts;
  readonly lastGood: LastGood;
  readonly accept: (received: ReceivedSnapshot) => Promise<SnapshotAcceptance>;
  readonly countRejection: (reason: RejectionReason) => void;
  /** Called when a snapshot signed with this key has been kept. */
  readonly keepKey: (keyId: string) => Promise<void>;
  readonly logger: Logger;
  readonly timers: Timers;
  readonly random: RandomFraction;
}

export function createSnapshotSource(deps: SnapshotSourceDeps): SnapshotSource {
  const { credentials, verdicts, lastGood, logger, timers, random } = deps;
  const outage = createOutageLog(logger, "fetching the snapshot");
  /** Of the last answer that was judged for good: applied or refused, there is no need to send it again. */
  let etag: string | undefined;
  let unsaved: { readonly received: ReceivedSnapshot; readonly revision: number } | undefined;
  let running: Promise<void> | undefined;
  let again = false;
  let stopped = false;
  let failures = 0;
  let cancelTimer: (() => void) | undefined;

  const sync = (): Promise<void> => {
    if (running !== undefined) {
      again = true;
      return running;
    }
    running = syncUntilQuiet().finally(() => {
      running = undefined;
    });
    return running;
  };

  const syncUntilQuiet = async (): Promise<void> => {
    do {
      again = false;
      if (stopped) return;
      try {
        await syncOnce();
        failures = 0;
        outage.ok();
      } catch (cause) {
        failures += 1;
        if (!stopped) outage.failed(cause);
      }
    } while (again && failures === 0);
    scheduleNext();
  };

  const scheduleNext = (): void => {
    cancelTimer?.();
    if (stopped) return;
    const delayMs =
      failures === 0
        ? jitteredMs(POLL_INTERVAL_MS, random)
        : backoffMs({ firstMs: 1_000, maxMs: POLL_INTERVAL_MS }, failures, random());
    cancelTimer = timers.after(delayMs, () => void sync());
  };

  const syncOnce = async (): Promise<void> => {
    await finish();
    const response = await fetchSnapshot();
    if (response === undefined || NOTHING_NEW.has(response.status)) return;
    if (response.status !== 200) throw new Error(`the snapshot was answered with status ${response.status}`);
    await consider(
      {
        bytes: response.body,
        signature: response.header(SNAPSHOT_SIGNATURE_HEADER) ?? "",
        keyId: response.header(SNAPSHOT_KEY_ID_HEADER) ?? "",
      },
      response.header("etag"),
    );
    await finish();
  };

  const fetchSnapshot = async (): Promise<ControlResponse | undefined> => {
    try {
      return await credentials.authorisedFetch({
        method: "GET",
        path: DATA_PLANE_API.snapshot,
        headers: etag === undefined ? {} : { "if-none-match": etag },
        bytesMax: SNAPSHOT_BYTES_MAX,
        timeoutMs: FETCH_TIMEOUT_MS,
      });
    } catch (cause) {
      if (!(cause instanceof AnswerTooLargeError)) throw cause;
      deps.countRejection("too_large");
      verdicts.nack(0, [cause.message]);
      await verdicts.flush();
      return undefined;
    }
  };

  const consider = async (received: ReceivedSnapshot, receivedEtag: string | undefined): Promise<void> => {
    const acceptance = await deps.accept(received);
    if (acceptance.outcome === "applied") {
      const { revision } = acceptance.policy;
      logger.info({ revision }, "a revision was applied");
      unsaved = { received, revision };
      etag = receivedEtag;
    } else if (acceptance.outcome === "unchanged") {
      etag = receivedEtag;
    } else {
      const { reason, revision, errors } = acceptance;
      logger.error(
        { reason, revision, errors: errors.slice(0, 5) },
        "a snapshot was refused; the last good one stays",
      );
      verdicts.nack(revision, errors);
      if (!MAY_BE_MENDED.has(reason)) etag = receivedEtag;
    }
  };

  /** Does what an earlier round had to leave: keeps what was applied, then says so. */
  const finish = async (): Promise<void> => {
    if (unsaved !== undefined) {
      const { received, revision } = unsaved;
      await lastGood.save(received);
      await deps.keepKey(received.keyId);
      unsaved = undefined;
      verdicts.ack(revision);
    }
    await verdicts.flush();
  };

  return {
    start: () => void sync(),
    sync,
    async stop() {
      stopped = true;
      cancelTimer?.();
      await running;
    },
  };
}

const POLL_INTERVAL_MS = 30_000;
/** Not modified, or no snapshot yet. */
const NOTHING_NEW: ReadonlySet<number> = new Set([204, 304, 404]);
const FETCH_TIMEOUT_MS = 60_000;
/** What was damaged on its way may come whole the next time, and a revision can be sealed and signed anew. */
const MAY_BE_MENDED: ReadonlySet<RejectionReason> = new Set([
  "too_large",
  "unknown_key",
  "signature",
  "seal",
]);
