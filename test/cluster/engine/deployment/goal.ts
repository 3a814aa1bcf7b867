import type { RegisterResourceRequest } from "@pulumi/pulumi/proto/resource_pb.js";
import type { JsonObject } from "../wire.ts";

/** What the program wants of one resource. */
export type Goal = {
  readonly type: string;
  readonly name: string;
  readonly custom: boolean;
  readonly parent: string | undefined;
  readonly provider: string | undefined;
  readonly version: string;
  readonly inputs: JsonObject;
  readonly dependencies: string[];
  readonly propertyDependencies: Record<string, string[]>;
  readonly protect: boolean;
  readonly retainOnDelete: boolean;
  readonly deletedWith: string | undefined;
  readonly deleteBeforeReplace: boolean | undefined;
  readonly ignoreChanges: string[];
  readonly replaceOnChanges: string[];
  readonly additionalSecretOutputs: string[];
  readonly customTimeouts: { create?: string; update?: string; delete?: string } | undefined;
  /** Names under which the state may know it: whole URNs, or what of its URN was otherwise. */
  readonly aliases: (
    | string
    | { name?: string; type?: string; stack?: string; project?: string; parent?: string | undefined }
  )[];
};

export function goalOf(request: RegisterResourceRequest): Goal {
  const timeouts = request.getCustomtimeouts();
  const customTimeouts = filled({
    create: timeouts?.getCreate(),
    update: timeouts?.getUpdate(),
    delete: timeouts?.getDelete(),
  });
  return {
    type: request.getType(),
    name: request.getName(),
    custom: request.getCustom(),
    parent: request.getParent() || undefined,
    provider: request.getProvider() || undefined,
    version: request.getVersion(),
    inputs: (request.getObject()?.toJavaScript() ?? {}) as JsonObject,
    dependencies: request.getDependenciesList(),
    propertyDependencies: propertyDependenciesOf(request),
    protect: request.getProtect() === true,
    retainOnDelete: request.getRetainondelete() === true,
    deletedWith: request.getDeletedwith() || undefined,
    deleteBeforeReplace: request.getDeletebeforereplacedefined()
      ? request.getDeletebeforereplace()
      : undefined,
    ignoreChanges: request.getIgnorechangesList(),
    replaceOnChanges: request.getReplaceonchangesList(),
    additionalSecretOutputs: request.getAdditionalsecretoutputsList(),
    customTimeouts: Object.keys(customTimeouts).length > 0 ? customTimeouts : undefined,
    aliases: [...request.getAliasurnsList(), ...request.getAliasesList().map(aliasOf)],
  };
}

function propertyDependenciesOf(request: RegisterResourceRequest): Record<string, string[]> {
  const urns: Record<string, string[]> = {};
  request.getPropertydependenciesMap().forEach((value, key) => {
    if (value.getUrnsList().length > 0) urns[key] = value.getUrnsList();
  });
  return urns;
}

function aliasOf(
  alias: ReturnType<RegisterResourceRequest["getAliasesList"]>[number],
): Goal["aliases"][number] {
  const spec = alias.getSpec();
  if (spec === undefined) return alias.getUrn();
  const { name, type, stack, project, parent } = {
    name: spec.getName(),
    type: spec.getType(),
    stack: spec.getStack(),
    project: spec.getProject(),
    parent: spec.getParenturn(),
  };
  return {
    ...filled({ name, type, stack, project, parent }),
    ...(spec.getNoparent() ? { parent: undefined } : {}),
  };
}

function filled<K extends string>(values: Record<K, string | undefined>): { [key in K]?: string } {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined && value !== ""),
  ) as { [key in K]?: string };
}
