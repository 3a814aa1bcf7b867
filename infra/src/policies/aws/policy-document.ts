import { z } from "zod";

const many = <T extends z.ZodType>(item: T) =>
  z.union([item, z.array(item)]).transform((value) => (Array.isArray(value) ? value : [value]));

/** IAM's language, as far as rules read it. */
const policyDocument = z.object({
  Statement: many(
    z.object({
      Effect: z.enum(["Allow", "Deny"]),
      Action: many(z.string()).optional(),
      NotAction: z.unknown().optional(),
      Resource: many(z.string()).optional(),
      NotResource: z.unknown().optional(),
      Principal: z.union([z.string(), z.record(z.string(), many(z.string()))]).optional(),
      Condition: z.record(z.string(), z.record(z.string(), z.unknown())).optional(),
    }),
  ),
});

export type PolicyStatement = z.infer<typeof policyDocument>["Statement"][number];

/** The statements of a policy, given as JSON or as an object; undefined where it cannot be read. */
export function readStatements(policy: unknown): readonly PolicyStatement[] | undefined {
  const parsed = policyDocument.safeParse(parseJson(policy));
  return parsed.success ? parsed.data.Statement : undefined;
}

export function concernsEverybody({ Principal }: PolicyStatement): boolean {
  if (typeof Principal === "string") return Principal === "*";
  return Object.values(Principal ?? {}).some((names) => names.includes("*"));
}

function parseJson(policy: unknown): unknown {
  if (typeof policy !== "string") return policy;
  try {
    return JSON.parse(policy);
  } catch {
    return undefined;
  }
}
