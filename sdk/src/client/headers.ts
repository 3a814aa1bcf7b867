import type { ClientOptions } from "./options.ts";

/** Who calls, and for which tenant. */
export function headersOf({
  credential,
  tenant,
}: Pick<ClientOptions, "credential" | "tenant">): Record<string, string> {
  return {
    ...(credential === undefined ? {} : { authorization: `Bearer ${credential}` }),
    ...(tenant === undefined ? {} : { "x-headgate-tenant": tenant }),
  };
}
