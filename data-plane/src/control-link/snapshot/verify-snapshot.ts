/**
 * Whether bytes are a snapshot that this data plane may apply. The signature is checked over the bytes as they came,
 * before anything in them is read; then whose they are, and only then what they say, in whatever version.
 */
import { createPublicKey, verify } from "node:crypto";
import {
  type Contract,
  type CredentialAnswer,
  type PolicySnapshot,
  SNAPSHOT_BYTES_MAX,
  type SnapshotKey,
} from "@headgate/sdk/contract";
import canonicalize from "canonicalize";
import type { RejectionReason } from "../../policy/policy-holder.ts";

/** A snapshot exactly as it was received, or as it was kept. */
export interface ReceivedSnapshot {
  readonly bytes: Uint8Array;
  /** base64url */
  readonly signature: string;
  readonly keyId: string;
}

export interface SnapshotExpectations {
  readonly owner: Pick<CredentialAnswer, "tenant_id" | "data_plane_id" | "region">;
  readonly trustedKeys: readonly SnapshotKey[];
  readonly contract: Contract;
  /** 0 when none is applied. */
  readonly appliedRevision: number;
}

export type SnapshotVerdict =
  | { readonly outcome: "verified"; readonly snapshot: PolicySnapshot }
  /** It is the one that is applied. */
  | { readonly outcome: "unchanged" }
  | SnapshotRefusal;

export interface SnapshotRefusal {
  readonly outcome: "refused";
  readonly reason: RejectionReason;
  /** What it says of itself; 0 where that cannot be read. */
  readonly revision: number;
  readonly errors: readonly string[];
}

export function verifySnapshot(received: ReceivedSnapshot, expected: SnapshotExpectations): SnapshotVerdict {
  const { bytes, signature, keyId } = received;
  if (bytes.length > SNAPSHOT_BYTES_MAX) {
    return refuse("too_large", 0, [`more than ${SNAPSHOT_BYTES_MAX} bytes`]);
  }
  const document = parse(bytes);
  const revision = revisionOf(document?.value);
  const key = expected.trustedKeys.find((candidate) => candidate.key_id === keyId);
  if (key === undefined) return refuse("unknown_key", revision, ["signed with a key that is not trusted"]);
  if (!isSignedBy(key, bytes, signature))
    return refuse("signature", revision, ["the signature does not fit"]);
  if (document === undefined || !isRecord(document.value)) return refuse("schema", 0, ["not a JSON object"]);
  const { value, text } = document;
  if (canonicalize(value) !== text) return refuse("not_canonical", revision, ["not canonical JSON"]);
  const { owner, appliedRevision } = expected;
  if (value["tenant_id"] !== owner.tenant_id) return refuse("tenant", revision, ["another tenant's"]);
  if (value["data_plane_id"] !== owner.data_plane_id) {
    return refuse("data_plane", revision, ["another data plane's"]);
  }
  if (value["region"] !== owner.region) return refuse("region", revision, ["another region's"]);
  if (revision === appliedRevision && revision > 0) return { outcome: "unchanged" };
  if (revision < appliedRevision) return refuse("revision", revision, [`older than ${appliedRevision}`]);
  const reading = expected.contract.snapshot.read(value);
  if (!reading.ok) {
    const errors = reading.issues.map(({ path, message }) => `${path}: ${message}`);
    return refuse("schema", revision, errors);
  }
  return { outcome: "verified", snapshot: reading.value };
}

function refuse(reason: RejectionReason, revision: number, errors: readonly string[]): SnapshotRefusal {
  return { outcome: "refused", reason, revision, errors };
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function parse(bytes: Uint8Array): { value: unknown; text: string } | undefined {
  try {
    const text = utf8.decode(bytes);
    return { value: JSON.parse(text), text };
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function revisionOf(value: unknown): number {
  const revision = isRecord(value) ? value["revision"] : undefined;
  return typeof revision === "number" && Number.isSafeInteger(revision) && revision > 0 ? revision : 0;
}

function isSignedBy(key: SnapshotKey, bytes: Uint8Array, signature: string): boolean {
  try {
    const publicKey = createPublicKey({ key: key.public_key, format: "jwk" });
    return verify(null, bytes, publicKey, Buffer.from(signature, "base64url"));
  } catch {
    return false;
  }
}
