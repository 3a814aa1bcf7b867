import type { Json, JsonObject } from "../wire.ts";

/** A resource as the state keeps it; field names are those of Pulumi's deployment format, version 3. */
export type ResourceState = {
  urn: string;
  type: string;
  custom: boolean;
  id?: string;
  inputs: JsonObject;
  outputs: JsonObject;
  parent?: string;
  dependencies?: string[];
  propertyDependencies?: Record<string, string[]>;
  provider?: string;
  protect?: boolean;
  external?: boolean;
  /** Replaced, and still to be deleted. */
  delete?: boolean;
  retainOnDelete?: boolean;
  deletedWith?: string;
  /** Why the object, which exists, did not become ready. */
  initErrors?: string[];
  ignoreChanges?: string[];
  additionalSecretOutputs?: string[];
  customTimeouts?: { create?: string; update?: string; delete?: string };
  created?: string;
  modified?: string;
};

export type PendingOperation = {
  resource: ResourceState;
  type: "creating" | "updating" | "deleting" | "reading";
};

export type Deployment = {
  manifest: { time: string; magic: string; version: string };
  secrets_providers?: { type: "passphrase"; state: { salt: string } };
  resources?: ResourceState[];
  pending_operations?: PendingOperation[];
  metadata: JsonObject;
};

/** One finished operation, as `stack history` lists it. */
export type HistoryEntry = {
  kind: string;
  startTime: string;
  message: string;
  environment: Record<string, string>;
  config: Record<string, Json>;
  result: "succeeded" | "failed";
  endTime: string;
  version: number;
  resourceChanges: Record<string, number>;
};

export const STACK_TYPE = "pulumi:pulumi:Stack";

export function rootOf(resources: readonly ResourceState[]): ResourceState | undefined {
  return resources.find((resource) => resource.type === STACK_TYPE && resource.delete !== true);
}
