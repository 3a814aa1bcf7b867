import * as pulumi from "@pulumi/pulumi";
import type { z } from "zod";

/** What the configuration of a stack lacks or has wrong, in lines that say where. Values are never repeated. */
class StackConfigError extends pulumi.RunError {}

/**
 * Reads `<project>:settings` of the stack by its schema. `others` are the only other keys that the project has, so that
 * a misspelt one is refused. Throws a `StackConfigError` for anything else than the schema describes.
 */
export function readSettings<S extends z.ZodType>(
  schema: S,
  options: { readonly project: string; readonly others: readonly string[] },
): z.output<S> {
  const prefix = `${options.project}:`;
  const known = new Set(["settings", ...options.others]);
  const unknown = Object.keys(pulumi.runtime.allConfig())
    .filter((key) => key.startsWith(prefix))
    .map((key) => key.slice(prefix.length))
    .filter((key) => !known.has(key));
  if (unknown.length > 0) {
    throw new StackConfigError(
      `The stack's configuration has keys that ${options.project} does not know: ${unknown.join(", ")}.`,
    );
  }
  return parseSettings(schema, new pulumi.Config(options.project).requireObject("settings"), options.project);
}

export function parseSettings<S extends z.ZodType>(schema: S, value: unknown, project: string): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.flatMap(describe).map((line) => `  ${line}`);
  throw new StackConfigError(`${project}:settings is not valid:\n${faults.join("\n")}`);
}

function describe(issue: z.core.$ZodIssue): string[] {
  const at = (...path: PropertyKey[]) => path.map(String).join(".") || "settings";
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => `${at(...issue.path, key)}: there is no such setting`);
  }
  return [`${at(...issue.path)}: ${issue.message}`];
}
