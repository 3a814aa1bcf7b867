import { getAt, parsePropertyPath } from "../property-path.ts";
import { isObject, type Json, type JsonObject } from "../wire.ts";

/** The expressions of `pulumi.com/waitFor`: one, or a JSON list of which all must hold. */
export function parseWaitFor(annotation: string): string[] {
  return annotation.startsWith("[") ? (JSON.parse(annotation) as string[]) : [annotation];
}

/** Whether `jsonpath={.path}=value`, `jsonpath={.path}` or `condition=Type[=Status]` holds of an object. */
export function holds(expression: string, object: JsonObject): boolean {
  const condition = /^condition=([^=]+)(?:=(.*))?$/.exec(expression);
  if (condition !== null) {
    const status = conditionsOf(object).find((item) => item["type"] === condition[1])?.["status"];
    return String(status).toLowerCase() === (condition[2] ?? "True").toLowerCase();
  }
  const jsonpath = /^jsonpath=\{?\.?([^}=]+)\}?(?:=(.*))?$/s.exec(expression);
  if (jsonpath === null) throw new Error(`unsupported pulumi.com/waitFor expression: ${expression}`);
  const value = getAt(object, parsePropertyPath(jsonpath[1] ?? ""));
  if (jsonpath[2] === undefined) return value !== undefined && value !== null;
  return value !== undefined && textOf(value) === jsonpath[2];
}

export function conditionsOf(object: JsonObject): JsonObject[] {
  const conditions = getAt(object, ["status", "conditions"]);
  return Array.isArray(conditions) ? conditions.filter(isObject) : [];
}

function textOf(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
