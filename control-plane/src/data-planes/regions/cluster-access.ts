/**
 * How the worker reaches a region's cluster. A kubeconfig is kept encrypted under the platform's key and bound to its
 * region's name; a worker that runs in the cluster itself uses its own ServiceAccount.
 */
import type { KeyWrapper } from "../../secrets/key-wrapper.ts";

export async function sealKubeconfig(
  wrapper: KeyWrapper,
  region: string,
  kubeconfig: string,
): Promise<string> {
  return wrapper.wrap(Buffer.from(kubeconfig, "utf8"), contextOf(region));
}

/** The content of a kubeconfig. Throws when what was kept was not sealed for this region. */
export async function kubeconfigOf(
  wrapper: KeyWrapper,
  region: { readonly name: string; readonly kubeconfig: string | null },
): Promise<string> {
  if (region.kubeconfig === null) return IN_CLUSTER;
  return Buffer.from(await wrapper.unwrap(region.kubeconfig, contextOf(region.name))).toString("utf8");
}

const contextOf = (region: string) => `region|${region}|kubeconfig`;

const ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

/** It names files, so that it stays as it is while the account's token is renewed. */
const IN_CLUSTER = JSON.stringify({
  apiVersion: "v1",
  kind: "Config",
  clusters: [
    {
      name: "own",
      cluster: { server: "https://kubernetes.default.svc", "certificate-authority": `${ACCOUNT}/ca.crt` },
    },
  ],
  users: [{ name: "own", user: { tokenFile: `${ACCOUNT}/token` } }],
  contexts: [{ name: "own", context: { cluster: "own", user: "own" } }],
  "current-context": "own",
});
