import type { ResourceState } from "../backend/state.ts";
import type { JsonObject } from "../wire.ts";
import type { Goal } from "./goal.ts";
import { PROVIDER_PREFIX } from "./providers.ts";
import type { Run } from "./run.ts";

/**
 * The provider of objects that name none: made once a run from the package's configuration, unless the configuration
 * disables such providers, which is what keeps a program off a cluster that merely happens to be configured.
 */
export function defaultProvider(run: Run, version: string, register: (goal: Goal) => Promise<ResourceState>) {
  let provider: Promise<ResourceState> | undefined;
  return async (type: string): Promise<string> => {
    if (isDisabled(run)) {
      throw new Error(`Default provider for 'kubernetes' disabled. '${type}' must use an explicit provider.`);
    }
    provider ??= register({
      type: `${PROVIDER_PREFIX}kubernetes`,
      name: `default_${version.replaceAll(".", "_")}`,
      custom: true,
      parent: undefined,
      provider: undefined,
      version,
      inputs: configured(run),
      dependencies: [],
      propertyDependencies: {},
      protect: false,
      retainOnDelete: false,
      deletedWith: undefined,
      deleteBeforeReplace: undefined,
      ignoreChanges: [],
      replaceOnChanges: [],
      additionalSecretOutputs: [],
      customTimeouts: undefined,
      aliases: [],
    });
    const { urn, id = "" } = await provider;
    return `${urn}::${id}`;
  };
}

function isDisabled({ options }: Run): boolean {
  const setting = options.config.get("pulumi:disable-default-providers")?.value ?? "[]";
  const packages = JSON.parse(setting) as string[];
  return packages.includes("*") || packages.includes("kubernetes");
}

function configured({ options }: Run): JsonObject {
  const entries = [...options.config].filter(([key]) => key.startsWith("kubernetes:"));
  return Object.fromEntries(entries.map(([key, { value }]) => [key.slice("kubernetes:".length), value]));
}
