/** The snapshots of the fake control plane, signed and sealed to who asks, and the hints that there is a newer one. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { etagOf, makeSealedSnapshot, signDocument, signSnapshot } from "@headgate/data-plane/testing";
import {
  type Id,
  type PolicySnapshot,
  SNAPSHOT_KEY_ID_HEADER,
  SNAPSHOT_SIGNATURE_HEADER,
} from "@headgate/sdk/contract";
import { type PlainPolicy, sealPolicy } from "../../fixtures/plain-policy.ts";
import { Refusal } from "./refusal.ts";
import type { ReplicaRegister } from "./replica-register.ts";
import type { FakeSettings } from "./settings.ts";

export type SignedSnapshot = ReturnType<typeof signSnapshot>;

export function createSnapshotDesk(settings: FakeSettings, replicas: ReplicaRegister) {
  const listeners = new Set<ServerResponse>();
  let snapshotFor: ((replica: Id<"replica">, version: number) => Promise<SignedSnapshot>) | undefined;

  const hint = (response: ServerResponse) =>
    response.write(`event: revision\ndata: ${JSON.stringify({ revision: settings.latestRevision })}\n\n`);

  const build = async (policy: PlainPolicy, revision: number, replica: Id<"replica">, version: number) => {
    const key = replicas.encryptionKeyOf(replica);
    const snapshot = await sealPolicy(policy, { ...settings.owner, revision }, key);
    return signDocument(settings.contract.snapshot.write(snapshot, version), settings.signingKey);
  };

  return {
    listen(response: ServerResponse): void {
      response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
      response.write(": welcome\n\n");
      if (snapshotFor !== undefined) hint(response);
      listeners.add(response);
      response.on("close", () => listeners.delete(response));
    },
    async answer({ headers }: IncomingMessage, response: ServerResponse, version: number): Promise<void> {
      if (snapshotFor === undefined) throw new Refusal("api.not_found");
      const snapshot = await snapshotFor(replicas.whose(headers.authorization), version);
      const etag = etagOf(snapshot);
      if (headers["if-none-match"] === etag) {
        response.writeHead(304, { etag }).end();
        return;
      }
      response.writeHead(200, {
        "content-type": "application/json",
        etag,
        [SNAPSHOT_KEY_ID_HEADER]: snapshot.keyId,
        [SNAPSHOT_SIGNATURE_HEADER]: snapshot.signature,
      });
      response.end(snapshot.bytes);
    },
    publish(policy: PlainPolicy): number {
      const revision = settings.latestRevision + 1;
      const built = new Map<string, Promise<SignedSnapshot>>();
      snapshotFor = (replica, version) => {
        const which = `${replica} ${version}`;
        const known = built.get(which) ?? build(policy, revision, replica, version);
        built.set(which, known);
        return known;
      };
      settings.latestRevision = revision;
      for (const listener of listeners) hint(listener);
      return revision;
    },
    makeSnapshot: (overrides?: Partial<PolicySnapshot>): Promise<PolicySnapshot> =>
      makeSealedSnapshot(settings.owner, replicas.encryptionKeyOf(settings.replicaId), overrides),
    serve(snapshot: SignedSnapshot | PolicySnapshot, hinted: "hinted" | "silent" = "hinted"): void {
      const served = Promise.resolve(
        "bytes" in snapshot ? snapshot : signSnapshot(snapshot, settings.signingKey),
      );
      snapshotFor = () => served;
      if (hinted === "silent") return;
      for (const listener of listeners) listener.write("event: revision\ndata: now\n\n");
    },
  };
}
