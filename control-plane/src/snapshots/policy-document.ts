/**
 * What the policy says at a revision: the snapshot without what belongs to one data plane alone, its id and the
 * sealed secrets. This is what is stored, hashed and shown.
 */
import {
  type Contract,
  type PolicySnapshot,
  policySnapshot,
  snapshotAgent,
  snapshotBudget,
  snapshotKeyRow,
  snapshotModel,
  snapshotProvider,
  snapshotRoute,
  snapshotRule,
} from "@headgate/sdk/contract";
import { z } from "zod";
import { canonicalJson } from "../lib/canonical-json.ts";
import { viewOf } from "../lib/view.ts";
import type { PolicyRows } from "./repository.ts";

const documentProvider = snapshotProvider
  .omit({ sealed_credential: true })
  .extend({ has_credential: z.boolean() });

export const policyDocument = policySnapshot
  .omit({ data_plane_id: true, sealed_key_pepper: true, providers: true })
  .extend({ providers: z.array(documentProvider).max(1_000) });
export type PolicyDocument = z.infer<typeof policyDocument>;

// With something in the place of what belongs to one data plane a document is a snapshot: it is written and read like one.

/** As it is stored: canonical JSON in the contract's newest version, which it states. */
export function documentText(document: PolicyDocument, { snapshot, version }: Contract): string {
  const sealed = { ...document, ...NOBODYS, providers: document.providers.map(withSeal) };
  const written = writtenSnapshot.parse(snapshot.write(sealed, version));
  const { data_plane_id: _id, sealed_key_pepper: _pepper, ...rest } = written;
  return canonicalJson({ ...rest, providers: rest.providers.map(withoutSeal) });
}

/** What `documentText` of this or any earlier version has given. Throws on anything else. */
export function readDocument(text: string, { snapshot }: Contract): PolicyDocument {
  const stored = storedDocument.parse(JSON.parse(text));
  const reading = snapshot.read({ ...stored, ...NOBODYS, providers: stored.providers.map(withSeal) });
  if (!reading.ok) throw new Error(`a stored policy cannot be read: ${JSON.stringify(reading.issues[0])}`);
  const { data_plane_id: _id, sealed_key_pepper: _pepper, ...rest } = reading.value;
  return { ...rest, providers: rest.providers.map(withoutSeal) };
}

const writtenSnapshot = z.looseObject({
  providers: z.array(z.looseObject({ sealed_credential: z.string().nullable() })),
});
const storedDocument = z.looseObject({ providers: z.array(z.looseObject({ has_credential: z.boolean() })) });

function withSeal<P extends { readonly has_credential: boolean }>({ has_credential, ...provider }: P) {
  return { ...provider, sealed_credential: has_credential ? NOTHING_SEALED : null };
}

function withoutSeal<P extends { readonly sealed_credential: string | null }>(provider: P) {
  const { sealed_credential, ...rest } = provider;
  return { ...rest, has_credential: sealed_credential !== null };
}

const NOTHING_SEALED = "....";
const NOBODYS: Pick<PolicySnapshot, "data_plane_id" | "sealed_key_pepper"> = {
  data_plane_id: "dpl_00000000000000000000000000",
  sealed_key_pepper: NOTHING_SEALED,
};

/** Takes the members that the schemas name, so that a new column never slips into a snapshot. */
export function documentOf(rows: PolicyRows, issuedAt: number): PolicyDocument {
  const { tenant } = rows;
  return {
    tenant_id: tenant.id,
    region: tenant.region,
    revision: tenant.revision,
    issued_at: issuedAt,
    suspended: tenant.suspended,
    settings: tenant.settings,
    agents: rows.agents.map(viewOf(snapshotAgent)),
    keys: rows.keys.flatMap((row) =>
      row.agent_id === null
        ? []
        : [shownKey({ ...row, agent_id: row.agent_id, revoked: row.revoked_at !== null })],
    ),
    providers: rows.providers.map((row) =>
      shownProvider({ ...row, has_credential: row.credential !== null }),
    ),
    models: rows.models.map(viewOf(snapshotModel)),
    routes: rows.routes.map(viewOf(snapshotRoute)),
    rules: rows.rules.map(viewOf(snapshotRule)),
    limits: rows.limits.map(limitOf),
    budgets: rows.budgets.map(viewOf(snapshotBudget)),
    prices: rows.prices,
  };
}

const shownKey = viewOf(snapshotKeyRow);
const shownProvider = viewOf(documentProvider);

function limitOf(row: PolicyRows["limits"][number]): PolicyDocument["limits"][number] {
  const { id, name, metric, max, window_seconds, match, per } = row;
  if (metric === "concurrency") return { id, name, metric, max, match, per };
  if (window_seconds === null) throw new TypeError(`limit ${id} has no window`);
  return { id, name, metric, max, window_seconds, match, per };
}
