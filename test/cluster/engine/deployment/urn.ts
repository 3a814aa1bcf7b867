import { STACK_TYPE } from "../backend/state.ts";

/** The names of resources: `urn:pulumi:STACK::PROJECT::PARENT-TYPES$TYPE::NAME`. */
export type UrnParts = {
  stack: string;
  project: string;
  parent?: string | undefined;
  type: string;
  name: string;
};

export function urnOf({ stack, project, parent, type, name }: UrnParts): string {
  const parentType = parent === undefined ? "" : qualifiedType(parent);
  const prefix = parentType === "" || parentType === STACK_TYPE ? "" : `${parentType}$`;
  return `urn:pulumi:${stack}::${project}::${prefix}${type}::${name}`;
}

export function partsOfUrn(urn: string): { stack: string; project: string; type: string; name: string } {
  const [stack = "", project = "", types = "", ...name] = urn.slice("urn:pulumi:".length).split("::");
  return { stack, project, type: types.split("$").at(-1) ?? "", name: name.join("::") };
}

function qualifiedType(urn: string): string {
  return urn.split("::")[2] ?? "";
}
