/** Verdicts on revisions on their way to the control plane: each is sent until it has been taken, once per revision. */
import { type Contract, DATA_PLANE_API, type Id, type SnapshotAck } from "@headgate/sdk/contract";
import type { Logger } from "../../lib/logger.ts";
import { posting } from "../control-client.ts";
import type { Credentials } from "../session/credential.ts";

export interface Verdicts {
  ack(revision: number): void;
  /** Does nothing when this revision was refused before. */
  nack(revision: number, errors: readonly string[]): void;
  /** Throws when the control plane cannot take them now; they are kept. */
  flush(): Promise<void>;
}

export function createVerdicts(
  credentials: Pick<Credentials, "authorisedFetch">,
  { instanceId, contract, logger }: { instanceId: Id<"instance">; contract: Contract; logger: Logger },
): Verdicts {
  const waiting = new Map<number, SnapshotAck>();
  const nacked = new Set<number>();
  return {
    ack(revision) {
      waiting.set(revision, { ok: true, revision, instance_id: instanceId });
    },
    nack(revision, errors) {
      if (nacked.has(revision)) return;
      remember(nacked, revision);
      const told = errors.slice(0, ERRORS_MAX).map((error) => error.slice(0, ERROR_CHARS_MAX));
      waiting.set(revision, { ok: false, revision, instance_id: instanceId, errors: told });
    },
    async flush() {
      for (const [revision, verdict] of waiting) {
        const { status } = await credentials.authorisedFetch(
          posting(DATA_PLANE_API.snapshotAck, contract.snapshotAck, () => verdict),
        );
        if (status >= 500 || status === 401 || status === 408 || status === 429) {
          throw new Error(`a verdict was answered with status ${status}`);
        }
        if (status >= 400) logger.error({ revision, status }, "the control plane does not take a verdict");
        waiting.delete(revision);
      }
    },
  };
}

const ERRORS_MAX = 20;
const ERROR_CHARS_MAX = 500;
const REMEMBERED_MAX = 1_000;

function remember(revisions: Set<number>, revision: number): void {
  revisions.add(revision);
  const [oldest] = revisions;
  if (revisions.size > REMEMBERED_MAX && oldest !== undefined) revisions.delete(oldest);
}
