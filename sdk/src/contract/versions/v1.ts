/**
 * What was otherwise in version 1, said as its difference from the form of today, and the ways from there and back. A
 * later change of today's form must be taken back here: the golden files of version 1 tell when it was not.
 */
import { z } from "zod";
import { idOf } from "../ids.ts";
import { type PolicySnapshot, policySnapshot, snapshotProvider } from "../policy-snapshot.ts";
import { attemptOpened, modelSubject, type UsageEvent } from "../usage-batch.ts";
import { CannotSayError } from "./form.ts";
import { usageEventV2 } from "./v2.ts";

/** There were two dialects, with the endpoints that they had. */
const dialectV1 = z.enum(["openai", "anthropic"]);
const endpointV1 = z.enum([
  "chat_completions",
  "responses",
  "embeddings",
  "models",
  "messages",
  "count_tokens",
]);

export const policySnapshotV1 = policySnapshot.extend({
  providers: z.array(snapshotProvider.extend({ dialect: dialectV1 })).max(1_000),
});

export function policySnapshotDown(snapshot: PolicySnapshot): z.infer<typeof policySnapshotV1> {
  return {
    ...snapshot,
    providers: snapshot.providers.map((provider) => ({
      ...provider,
      dialect: said(dialectV1, provider.dialect, `the dialect of provider ${provider.name}`),
    })),
  };
}

const { kind: _kind, ...modelMembers } = modelSubject.shape;
const flat = z.strictObject({ key_id: idOf("key"), ...modelMembers, endpoint: endpointV1 });
type Flat = z.infer<typeof flat>;

/** Credential and subject were those of model calls with an API key, flat. */
export const usageEventV1 = usageEventV2.omit({ credential: true, subject: true }).extend(flat.shape);
export const attemptOpenedV1 = attemptOpened.omit({ credential: true, subject: true }).extend(flat.shape);

type Called = Pick<UsageEvent, "credential" | "subject">;

export function usageUp<T extends Flat>({
  key_id,
  endpoint,
  stream,
  route_id,
  target_id,
  provider_id,
  vendor,
  model,
  upstream_model,
  ...rest
}: T): Omit<T, keyof Flat> & Called {
  const target = { route_id, target_id, provider_id, vendor, model, upstream_model };
  return {
    ...rest,
    credential: { kind: "api_key", key_id },
    subject: { kind: "model", endpoint, stream, ...target },
  };
}

export function usageDown<T extends Called>({
  credential,
  subject,
  ...rest
}: T): Omit<T, keyof Called> & Flat {
  const { kind: _subject, endpoint, ...model } = subject;
  return {
    ...rest,
    key_id: credential.key_id,
    ...model,
    endpoint: said(endpointV1, endpoint, "the endpoint"),
  };
}

function said<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new CannotSayError(`version 1 has no word for ${what}`);
}
