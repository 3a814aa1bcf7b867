/** Who calls. It is made once for each credential of a policy, not for each call. */
import type { UsageCredential } from "@headgate/sdk/contract";
import type { CompiledAgent } from "../policy/compiled-agent.ts";

export interface Principal {
  readonly agent: CompiledAgent;
  /** What it was known by. */
  readonly credential: UsageCredential;
}

export type Identification =
  | { readonly ok: true; readonly principal: Principal }
  | {
      readonly ok: false;
      readonly reason: "malformed" | "unknown" | "revoked" | "expired" | "agent_disabled";
      /** Known where the credential is: for the audit record, never for the caller. */
      readonly principal: Principal | undefined;
    };
