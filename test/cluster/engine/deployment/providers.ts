import type { ResourceState } from "../backend/state.ts";
import { readKubeconfig } from "../kubernetes/kubeconfig.ts";
import { KubernetesProvider } from "../kubernetes/provider.ts";
import { type JsonObject, plainObject, sameJson } from "../wire.ts";

export const PROVIDER_PREFIX = "pulumi:providers:";
const KUBERNETES = `${PROVIDER_PREFIX}kubernetes`;

/** Whether two configurations of a provider mean the same, more of the same, or another cluster. */
export type ProviderDiff = "same" | "update" | "replace";

/** The providers of a run by reference, which is `URN::ID`. */
export class Providers {
  readonly #states: () => Iterable<ResourceState>;
  readonly #host: { env: NodeJS.ProcessEnv; warn: (message: string) => void };
  readonly #byState = new Map<ResourceState, KubernetesProvider>();

  constructor(
    states: () => Iterable<ResourceState>,
    host: { env: NodeJS.ProcessEnv; warn: (message: string) => void },
  ) {
    this.#states = states;
    this.#host = host;
  }

  of(reference: string | undefined): KubernetesProvider {
    const state = this.stateOf(reference);
    if (state === undefined) throw new Error(`unknown provider '${reference ?? ""}'`);
    return this.from(state);
  }

  stateOf(reference: string | undefined): ResourceState | undefined {
    const [urn, id] = splitReference(reference ?? "");
    const candidates = [...this.#states()].filter((state) => state.urn === urn);
    return candidates.find((state) => state.id === id) ?? candidates[0];
  }

  from(state: ResourceState): KubernetesProvider {
    if (state.type !== KUBERNETES) throw new Error(`the stand-in has no provider for ${state.type}`);
    const known = this.#byState.get(state);
    if (known !== undefined) return known;
    const provider = new KubernetesProvider(state.inputs, state.urn, this.#host);
    this.#byState.set(state, provider);
    return provider;
  }

  close(): void {
    for (const provider of this.#byState.values()) provider.close();
  }
}

export function splitReference(reference: string): [urn: string, id: string] {
  const at = reference.lastIndexOf("::");
  return [reference.slice(0, at), reference.slice(at + 2)];
}

/** Another cluster means that everything made through the provider is replaced; `clusterIdentifier` decides where both have one. */
export function diffProvider(old: JsonObject, now: JsonObject): ProviderDiff {
  const before = plainObject(old);
  const after = plainObject(now);
  if (sameJson(before, after)) return "same";
  const [oldName, newName] = [before["clusterIdentifier"], after["clusterIdentifier"]];
  if (oldName !== undefined && newName !== undefined) return oldName === newName ? "update" : "replace";
  const [oldCluster, newCluster] = [clusterOf(before), clusterOf(after)];
  return oldCluster === newCluster || newCluster === undefined ? "update" : "replace";
}

function clusterOf(inputs: JsonObject): string | undefined {
  const { kubeconfig, context, cluster } = inputs as Record<string, string | undefined>;
  try {
    const wanted = {
      ...(context === undefined ? {} : { context }),
      ...(cluster === undefined ? {} : { cluster }),
    };
    return readKubeconfig(kubeconfig ?? "", wanted).cluster;
  } catch {
    return undefined;
  }
}
