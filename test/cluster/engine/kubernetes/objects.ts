import { randomBytes } from "node:crypto";
import { getAt, withAt } from "../property-path.ts";
import { isObject, isSecret, type Json, type JsonObject, plain, toSecret, withSecretsOf } from "../wire.ts";
import type { KubernetesObject } from "./client.ts";

const READ_ONLY = [
  "creationTimestamp",
  "deletionTimestamp",
  "generation",
  "managedFields",
  "resourceVersion",
  "uid",
];

/**
 * The inputs as the provider keeps them: with a name, without what only the server sets, a Secret's text as data and
 * secret whatever the program said.
 */
export function checkedInputs(
  inputs: JsonObject,
  logicalName: string,
  old: JsonObject | undefined,
): JsonObject {
  const metadata = isObject(inputs["metadata"]) ? inputs["metadata"] : {};
  const kept = Object.entries(metadata).filter(([key]) => !READ_ONLY.includes(key));
  let checked: JsonObject = { ...inputs, metadata: Object.fromEntries(kept) };
  if (metadata["name"] === undefined && metadata["generateName"] === undefined) {
    const before =
      getAt(old, ["metadata", "annotations", "pulumi.com/autonamed"]) === "true"
        ? getAt(old, ["metadata", "name"])
        : undefined;
    checked = withAt(
      checked,
      ["metadata", "name"],
      before ?? `${logicalName}-${randomBytes(4).toString("hex")}`,
    ) as JsonObject;
    checked = withAt(checked, ["metadata", "annotations", "pulumi.com/autonamed"], "true") as JsonObject;
  }
  return isSecretKind(inputs) ? withSecretData(checked) : checked;
}

/** The state of an object: what lives, with the secrets of its inputs, and what the provider remembers with it. */
export function outputsOf(live: KubernetesObject, inputs: JsonObject, fieldManager: string): JsonObject {
  const { managedFields: _, ...metadata } = live.metadata;
  let outputs = withSecretsOf(
    inputs,
    renameKeys({ ...live, metadata }, /^x-kubernetes-/, "-", "_"),
  ) as JsonObject;
  if (isSecretKind(live) && outputs["data"] !== undefined)
    outputs = { ...outputs, data: toSecret(outputs["data"]) };
  return { ...outputs, __fieldManager: fieldManager, __initialApiVersion: live.apiVersion };
}

/** The object to send for these inputs. */
export function objectOf(inputs: JsonObject): KubernetesObject {
  return renameKeys(plain(inputs), /^x_kubernetes_/, "_", "-") as KubernetesObject;
}

function isSecretKind(object: JsonObject): boolean {
  return object["apiVersion"] === "v1" && object["kind"] === "Secret";
}

function withSecretData(inputs: JsonObject): JsonObject {
  const { stringData, data, ...rest } = inputs;
  if (stringData === undefined && data === undefined) return rest;
  const text = plain(stringData ?? {});
  // Text that is not known yet cannot be encoded: the whole is unknown.
  if (!isObject(text)) return { ...rest, data: toSecret(text) };
  const encoded = Object.entries(text).map(([key, value]): [string, Json] => [
    key,
    Buffer.from(String(value)).toString("base64"),
  ]);
  const merged = plain(data ?? {});
  if (!isObject(merged)) return { ...rest, data: toSecret(merged) };
  return { ...rest, data: toSecret({ ...merged, ...Object.fromEntries(encoded) }) };
}

function renameKeys(value: Json, pattern: RegExp, from: string, to: string): Json {
  if (Array.isArray(value)) return value.map((item) => renameKeys(item, pattern, from, to));
  if (!isObject(value) || isSecret(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      pattern.test(key) ? key.replaceAll(from, to) : key,
      renameKeys(item, pattern, from, to),
    ]),
  );
}
