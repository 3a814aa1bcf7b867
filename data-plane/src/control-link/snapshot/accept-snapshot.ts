/** From bytes to the policy in force: verify, open, compile, self-test, swap. What is refused is counted and changes nothing. */
import type { Contract, CredentialAnswer, SnapshotKey } from "@headgate/sdk/contract";
import { compilePolicy } from "../../policy/compile-policy.ts";
import type { CompiledPolicy } from "../../policy/compiled-policy.ts";
import type { PolicyHolder } from "../../policy/policy-holder.ts";
import { selfTest } from "../../policy/self-test.ts";
import type { Identity } from "../session/identity.ts";
import { openSeals } from "./open-seals.ts";
import { type ReceivedSnapshot, type SnapshotRefusal, verifySnapshot } from "./verify-snapshot.ts";

export type SnapshotAcceptance =
  | { readonly outcome: "applied"; readonly policy: CompiledPolicy }
  | { readonly outcome: "unchanged" }
  | SnapshotRefusal;

export interface AcceptOptions {
  readonly identity: Identity;
  readonly holder: PolicyHolder;
  /** The names of those that this data plane serves. */
  readonly dialects: ReadonlySet<string>;
  readonly owner: Pick<CredentialAnswer, "tenant_id" | "data_plane_id" | "region">;
  readonly trustedKeys: readonly SnapshotKey[];
  readonly contract: Contract;
}

export async function acceptSnapshot(
  received: ReceivedSnapshot,
  options: AcceptOptions,
): Promise<SnapshotAcceptance> {
  const acceptance = await tryToApply(received, options);
  if (acceptance.outcome === "refused") options.holder.countRejection(acceptance.reason);
  return acceptance;
}

async function tryToApply(
  received: ReceivedSnapshot,
  { identity, holder, dialects, owner, trustedKeys, contract }: AcceptOptions,
): Promise<SnapshotAcceptance> {
  const verdict = verifySnapshot(received, {
    owner,
    trustedKeys,
    contract,
    appliedRevision: holder.current()?.revision ?? 0,
  });
  if (verdict.outcome !== "verified") return verdict;
  const { snapshot } = verdict;
  const refused = { outcome: "refused", revision: snapshot.revision } as const;
  const opened = await openSeals(snapshot, identity.encryptionKey);
  if (!opened.ok) return { ...refused, reason: "seal", errors: opened.errors };
  const compilation = compilePolicy(snapshot, opened.secrets, dialects, holder.current());
  if (!compilation.ok) return { ...refused, reason: "compile", errors: compilation.errors };
  const { policy, rules } = compilation;
  const failures = selfTest(policy, rules);
  if (failures.length > 0) return { ...refused, reason: "self_test", errors: failures };
  return holder.apply(policy)
    ? { outcome: "applied", policy }
    : { ...refused, reason: "revision", errors: ["a newer revision was applied meanwhile"] };
}
