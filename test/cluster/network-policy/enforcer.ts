import {
  CoreV1Api,
  KubeConfig,
  NetworkingV1Api,
  type V1Namespace,
  type V1NetworkPolicy,
  type V1Pod,
} from "@kubernetes/client-node";
import { NETWORK, NODE_NAME } from "../node/addresses.ts";
import { note } from "../node/record.ts";
import { run } from "../parts/run.ts";
import { compilePolicies } from "./compile-policies.ts";
import { type PodNetwork, renderRules, TABLE } from "./render-rules.ts";
import { Watched } from "./watched.ts";

export interface EnforcerOptions {
  /** Path of a file. */
  readonly kubeconfig: string;
  /** Default: the network of the suite's own node. */
  readonly network?: PodNetwork;
  /** Whose pods are judged; those of other nodes do not hang on this machine's bridge. Default: the suite's own node. */
  readonly nodeName?: string;
}

const OWN_NETWORK: PodNetwork = {
  bridge: NETWORK.bridge,
  cidr: NETWORK.podCidr,
  hostAddress: NETWORK.address,
};

export interface Enforcer {
  /**
   * Resolves when packets meet rules that are made of what the API server holds now, or something newer. Rejects when the
   * rules could not be put in place.
   */
  settled(): Promise<void>;
  /** Takes the rules away; everything is allowed again. */
  stop(): Promise<void>;
}

/**
 * TEST DOUBLE of a network plugin: enforces NetworkPolicies on the pods of one bridge of this machine, as the policies
 * read. It is what the suite has in place of the plugin that a real cluster brings.
 */
export async function startEnforcer(options: EnforcerOptions): Promise<Enforcer> {
  const { kubeconfig, network = OWN_NETWORK, nodeName = NODE_NAME } = options;
  // Should this process be killed, whoever cleans up after the node takes the rules away.
  note({ kind: "nft-tables", name: TABLE });
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  const core = config.makeApiClient(CoreV1Api);
  const networking = config.makeApiClient(NetworkingV1Api);
  const rules = new Rules(() => {
    const compiled = compilePolicies(policies.list(), pods.list(), namespaces.list());
    return renderRules(compiled, network);
  });
  let listed = false;
  // Who waits for rules learns of a failure from `settled`. Half of the objects would be rules that nobody wrote.
  const changed = () => {
    if (listed) rules.update().catch(() => undefined);
  };
  const policies = new Watched<V1NetworkPolicy>({
    config,
    path: "/apis/networking.k8s.io/v1/networkpolicies",
    list: () => networking.listNetworkPolicyForAllNamespaces(),
    changed,
  });
  const pods = new Watched<V1Pod>({
    config,
    path: "/api/v1/pods",
    list: () => core.listPodForAllNamespaces({ fieldSelector: `spec.nodeName=${nodeName}` }),
    fieldSelector: `spec.nodeName=${nodeName}`,
    changed,
  });
  const namespaces = new Watched<V1Namespace>({
    config,
    path: "/api/v1/namespaces",
    list: () => core.listNamespace(),
    changed,
  });
  const all = [policies, pods, namespaces];
  const settled = async () => {
    await Promise.all(all.map((watched) => watched.caughtUp()));
    listed = true;
    await rules.update();
  };
  await Promise.all(all.map((watched) => watched.start()));
  await settled();
  return {
    settled,
    async stop() {
      listed = false;
      await Promise.all(all.map((watched) => watched.stop()));
      await rules.remove();
    },
  };
}

/** The table in the kernel: written when it would change, one writer at a time. */
class Rules {
  readonly #render: () => string;
  #current = "";
  #writing: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  constructor(render: () => string) {
    this.#render = render;
  }

  /** Of calls while a write is under way only one leads to another, which takes in what all of them were for. */
  update(): Promise<void> {
    if (this.#next === undefined) {
      const next = this.#writing.then(async () => {
        this.#next = undefined;
        const text = this.#render();
        if (text === this.#current) return;
        await run("nft", ["-f", "-"], { input: text });
        this.#current = text;
      });
      this.#next = next;
      // A failure is told to those who wait for this update, and is no reason not to try the next.
      this.#writing = next.catch(() => undefined);
    }
    return this.#next;
  }

  async remove(): Promise<void> {
    await this.#writing;
    if (this.#current !== "") await run("nft", ["delete", "table", "ip", TABLE]);
    this.#current = "";
  }
}
