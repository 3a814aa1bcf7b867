import { parseAllDocuments } from "yaml";
import { isObject, type Json, type JsonObject } from "../wire.ts";
import type { Run } from "./run.ts";

/** The functions of providers that programs call; there are two. */
export function invoke(run: Run, token: string, args: JsonObject): JsonObject {
  if (token === "kubernetes:yaml:decode")
    return { result: decodeYaml(String(args["text"] ?? ""), args["defaultNamespace"]) };
  if (token === "pulumi:pulumi:getResource") {
    const { done, old } = run.options.journal;
    const state = [...done, ...old].find(({ urn }) => urn === args["urn"]);
    if (state === undefined) throw new Error(`unknown resource ${String(args["urn"])}`);
    return { urn: state.urn, id: state.id ?? "", state: state.outputs };
  }
  throw new Error(`the stand-in has no provider function ${token}`);
}

function decodeYaml(text: string, defaultNamespace: Json | undefined): Json[] {
  const objects = parseAllDocuments(text).map((document) => document.toJS() as Json);
  return objects.filter(isObject).map((object) => {
    if (typeof defaultNamespace !== "string" || defaultNamespace === "") return object;
    const metadata = isObject(object["metadata"]) ? object["metadata"] : {};
    return { ...object, metadata: { namespace: defaultNamespace, ...metadata } };
  });
}
