import { type Input, jsonStringify, type Output } from "@pulumi/pulumi";

/** One statement of an IAM or resource policy. */
export interface Statement {
  readonly sid: string;
  readonly effect?: "Allow" | "Deny";
  readonly actions: readonly string[];
  /** Left out only in trust policies. */
  readonly resources?: readonly Input<string>[];
  /** For trust and resource policies. */
  readonly principals?: "*" | Readonly<Record<string, Input<string>>>;
  readonly conditions?: Readonly<Record<string, Readonly<Record<string, Input<string>>>>>;
}

/** A policy document in the JSON of IAM's language, version 2012-10-17. */
export function iamDocument(statements: readonly Statement[]): Output<string> {
  return jsonStringify({
    Version: "2012-10-17",
    Statement: statements.map((statement) => ({
      Sid: statement.sid,
      Effect: statement.effect ?? "Allow",
      ...(statement.principals === undefined ? {} : { Principal: statement.principals }),
      Action: [...statement.actions],
      ...(statement.resources === undefined ? {} : { Resource: [...statement.resources] }),
      ...(statement.conditions === undefined ? {} : { Condition: statement.conditions }),
    })),
  });
}
