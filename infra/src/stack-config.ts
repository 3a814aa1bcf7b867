import * as pulumi from "@pulumi/pulumi";
import type { z } from "zod";

/** What the configuration of a stack lacks or has wrong, in lines that say where. Values are never repeated. */
class StackConfigError extends pulumi.RunError {}

export interface Place {
  readonly project: string;
  /** `settings` when absent. */
  readonly key?: string;
}

/**
 * Reads a key of the stack's configuration by its schema. `others` are the only other keys that the project has, so that
 * a misspelt one is refused. Throws a `StackConfigError` for anything else than the schema describes.
 */
export function readSettings<S extends z.ZodType>(
  schema: S,
  options: Place & { readonly others: readonly string[] },
): z.output<S> {
  const { project, key: own = "settings" } = options;
  const prefix = `${project}:`;
  const known = new Set([own, ...options.others]);
  const unknown = Object.keys(pulumi.runtime.allConfig())
    .filter((key) => key.startsWith(prefix))
    .map((key) => key.slice(prefix.length))
    .filter((key) => !known.has(key));
  if (unknown.length > 0) {
    throw new StackConfigError(
      `The stack's configuration has keys that ${project} does not know: ${unknown.join(", ")}.`,
    );
  }
  return parseSettings(schema, new pulumi.Config(project).requireObject(own), options);
}

export function parseSettings<S extends z.ZodType>(
  schema: S,
  value: unknown,
  { project, key = "settings" }: Place,
): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.flatMap((issue) => describe(issue, key)).map((line) => `  ${line}`);
  throw new StackConfigError(`${project}:${key} is not valid:\n${faults.join("\n")}`);
}

function describe(issue: z.core.$ZodIssue, key: string): string[] {
  const at = (...path: PropertyKey[]) => path.map(String).join(".") || key;
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((extra) => `${at(...issue.path, extra)}: there is no such setting`);
  }
  return [`${at(...issue.path)}: ${issue.message}`];
}
