import { join } from "node:path";
import { run } from "../parts/run.ts";

export type Kubectl = (args: readonly string[], input?: unknown) => Promise<string>;

/** kubectl on this cluster: ours, or without a folder the one on PATH. Input is one object, or a list of them, for `-f -`. */
export function kubectlFor(bin: string, kubeconfig: string): Kubectl {
  return (args, input) =>
    run(bin === "" ? "kubectl" : join(bin, "kubectl"), [`--kubeconfig=${kubeconfig}`, ...args], {
      ...(input === undefined ? {} : { input: documents(input) }),
    });
}

function documents(input: unknown): string {
  const items = Array.isArray(input) ? input : [input];
  return JSON.stringify({ apiVersion: "v1", kind: "List", items });
}
