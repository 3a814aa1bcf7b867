/**
 * What the control plane has told this data plane of itself: whose it is, its credential, and whose signatures on
 * snapshots it may trust. Kept on disk, so that a restart needs nobody.
 */
import { join } from "node:path";
import {
  type Contract,
  type CredentialAnswer,
  type Format,
  idOf,
  type SnapshotKey,
  snapshotKey,
} from "@headgate/sdk/contract";
import { z } from "zod";
import type { Logger } from "../../lib/logger.ts";
import { realDisk } from "../../storage/disk.ts";
import { moveAsideAndTell, readState, writeState } from "../../storage/state-file.ts";
import { faultFields } from "../outage-log.ts";

export interface Registration {
  /** Undefined until the data plane has joined. */
  current(): CredentialAnswer | undefined;
  /** Keys that may sign a snapshot that comes over the network. */
  trustedKeys(): readonly SnapshotKey[];
  /** Those, and the key of the snapshot on disk: it stays readable after its key has been retired. */
  trustedKeysOnDisk(): readonly SnapshotKey[];
  /**
   * False, and nothing changes, when the answer speaks of another data plane than the one that joined. A replica that
   * has joined again may be another one of the same.
   */
  update(answer: CredentialAnswer): Promise<boolean>;
  /** The snapshot on disk is now signed with this key. */
  keepKey(keyId: string): Promise<void>;
}

export interface RegistrationOptions {
  readonly stateDir: string;
  readonly contract: Contract;
  /** A new identity: what was registered under another one no longer counts. */
  readonly isNew: boolean;
  readonly logger: Logger;
}

/** A disk that fails later is logged: the registration in memory goes on, and is written again at its next change. */
export function loadRegistration({ stateDir, contract, isNew, logger }: RegistrationOptions): Registration {
  const format = contract.credentialAnswer;
  const path = join(stateDir, "registration.json");
  const parse = (content: unknown) => registrationFile(format).safeParse(content).data;
  let file = isNew ? undefined : readState<RegistrationFile>(realDisk, path, parse, moveAsideAndTell(logger));
  let writing: Promise<void> = Promise.resolve();

  const save = (next: RegistrationFile): Promise<void> => {
    file = next;
    writing = writing
      .then(() => writeState(path, { ...next, answer: format.write(next.answer, contract.version) }))
      .catch((cause: unknown) => logger.error(faultFields(cause), "the registration could not be kept"));
    return writing;
  };
  return {
    current: () => file?.answer,
    trustedKeys: () => file?.answer.snapshot_keys ?? [],
    trustedKeysOnDisk() {
      if (file === undefined) return [];
      return file.last_good_key === null
        ? file.answer.snapshot_keys
        : [...file.answer.snapshot_keys, file.last_good_key];
    },
    async update(answer) {
      if (file !== undefined && !isSameDataPlane(file.answer, answer)) return false;
      await save({ answer, last_good_key: file?.last_good_key ?? null });
      return true;
    },
    async keepKey(keyId) {
      const key = file?.answer.snapshot_keys.find((candidate) => candidate.key_id === keyId);
      if (file === undefined || key === undefined || file.last_good_key?.key_id === keyId) return;
      await save({ ...file, last_good_key: key });
    },
  };
}

/** One that was kept before there were replicas is of the only one, which the control plane knows by this id. */
function withReplica(kept: unknown): unknown {
  const known = z.object({ data_plane_id: idOf("dataPlane") }).safeParse(kept);
  if (!known.success || Object.hasOwn(Object(kept), "replica_id")) return kept;
  return { ...Object(kept), replica_id: `rpl_${known.data.data_plane_id.slice("dpl_".length)}` };
}

/** The answer is kept as a document of the contract, in the version that it states. */
const registrationFile = ({ read }: Format<CredentialAnswer>) =>
  z.strictObject({
    answer: z.unknown().transform((kept, context): CredentialAnswer => {
      const reading = read(withReplica(kept));
      if (reading.ok) return reading.value;
      context.addIssue("is no answer that is known");
      return z.NEVER;
    }),
    last_good_key: snapshotKey.nullable(),
  });

interface RegistrationFile {
  readonly answer: CredentialAnswer;
  readonly last_good_key: SnapshotKey | null;
}

function isSameDataPlane(a: CredentialAnswer, b: CredentialAnswer): boolean {
  return a.data_plane_id === b.data_plane_id && a.tenant_id === b.tenant_id && a.region === b.region;
}
