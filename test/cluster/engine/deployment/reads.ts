import type { ReadResourceRequest } from "@pulumi/pulumi/proto/resource_pb.js";
import type { ResourceState } from "../backend/state.ts";
import { type JsonObject, UNKNOWN } from "../wire.ts";
import type { Step } from "./events.ts";
import type { Run } from "./run.ts";
import { perform } from "./steps.ts";
import { urnOf } from "./urn.ts";

const CORE_GROUPS = ["core", ""];

/** Reads an object that belongs to others (`X.get`): it is in the state, and is never changed or deleted. */
export async function readExternal(run: Run, request: ReadResourceRequest): Promise<ResourceState> {
  const { project, stack, providers, journal } = run.options;
  const type = request.getType();
  const parent = request.getParent() || undefined;
  const urn = urnOf({ project, stack, parent, type, name: request.getName() });
  const inputs = (request.getProperties()?.toJavaScript() ?? {}) as JsonObject;
  const id = request.getId();
  const draft: ResourceState = {
    urn,
    type,
    custom: true,
    external: true,
    id,
    inputs,
    outputs: {},
    ...(parent === undefined ? {} : { parent }),
    provider: request.getProvider(),
    dependencies: request.getDependenciesList(),
  };
  if (id === "" || id === UNKNOWN) return { ...draft, id: UNKNOWN };
  const old = journal.old.find((state) => state.urn === urn);
  const step: Step = { op: "read", urn, type, old, new: draft };
  const act = async () => {
    const read = await providers
      .of(draft.provider)
      .read({ ...draft, inputs: { ...kindOfType(type), ...inputs } });
    if (read === undefined) throw new Error(`resource '${id}' does not exist`);
    return { ...draft, ...read, id };
  };
  const state = await perform(run, { step, pending: "reading", act });
  return state ?? draft;
}

/** `kubernetes:apps/v1:Deployment` says which kind it is. */
function kindOfType(type: string): JsonObject {
  const [, module = "", kind = ""] = type.split(":");
  const [group = "", version = ""] = module.split("/");
  return { apiVersion: CORE_GROUPS.includes(group) ? version : `${group}/${version}`, kind };
}
