import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { NETWORK } from "../node/addresses.ts";
import { clusterTest, injectedCluster } from "../node/injected.ts";
import { KWOK_LABEL, KWOK_TAINT } from "../node/kwok.ts";
import { cachedParts } from "../parts/parts.ts";

const { kubectl } = injectedCluster();
const namespace = "smoke";
const inSmoke = (...args: string[]) => kubectl(["-n", namespace, ...args]);

beforeAll(async () => {
  await kubectl(["create", "namespace", namespace]);
});

afterAll(async () => {
  await kubectl(["delete", "namespace", namespace, "--wait=true", "--timeout=120s"]);
});

test("every node is ready and runs Kubernetes 1.36", async () => {
  const nodes = await kubectl([
    ...["get", "nodes", "-o"],
    `jsonpath={range .items[*]}{.status.conditions[?(@.type=="Ready")].status} {.status.nodeInfo.kubeletVersion}{"\\n"}{end}`,
  ]);
  for (const line of nodes.trim().split("\n")) expect(line).toMatch(/^True (v1\.36\.|kwok)/);
});

test("the metrics API answers for the nodes", async () => {
  const answer = await kubectl(["get", "--raw", "/apis/metrics.k8s.io/v1beta1/nodes"]);
  expect(JSON.parse(answer).items.length).toBeGreaterThan(0);
});

test("Pod Security rejects a privileged pod in a restricted namespace", async () => {
  await kubectl(["label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted"]);
  const privileged = pod("privileged", ["serve", "8080"], { securityContext: { privileged: true } });
  await expect(kubectl(["apply", "-f", "-"], privileged)).rejects.toThrow(/violates PodSecurity "restricted/);
});

clusterTest(
  "a pod reaches the API server by its name, and another pod through its service",
  ["images", "parts"],
  async () => {
    const { name, archive } = cachedParts().images.probe;
    const cluster = injectedCluster();
    await cluster.importImage(archive, name);
    await kubectl(["apply", "-f", "-"], [pod("server", ["serve", "8080"]), service("server")]);
    await inSmoke("wait", "--for=condition=Ready", "pod/server", "--timeout=60s");
    const client = pod("client", [
      "get",
      "https://kubernetes.default.svc/version",
      `http://server.${namespace}/`,
    ]);
    await kubectl(["apply", "-f", "-"], client);
    await inSmoke("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/client", "--timeout=60s");
    const answers = await inSmoke("logs", "client");
    expect(answers).toMatch(/^200 \{/);
    expect(answers).toContain("200 server");
  },
);

clusterTest("a pod that asks for it lands on a kwok node and is said to run", ["kwok"], async (cluster) => {
  const { names, stop } = await cluster.startKwok(2);
  const fake = pod("fake", [], {}, { nodeSelector: KWOK_LABEL, tolerations: [KWOK_TAINT] });
  await kubectl(["apply", "-f", "-"], fake);
  await inSmoke("wait", "--for=condition=Ready", "pod/fake", "--timeout=60s");
  expect(names).toContain(await inSmoke("get", "pod", "fake", "-o", "jsonpath={.spec.nodeName}"));
  await inSmoke("delete", "pod", "fake", "--timeout=60s");
  await stop();
});

clusterTest("pods that come and go leave the pods' gateway its hardware address", ["kwok"], async () => {
  const addressNow = () => readFileSync(`/sys/class/net/${NETWORK.bridge}/address`, "utf8").trim();
  await kubectl(["apply", "-f", "-"], pod("passer-by", ["serve", "8080"]));
  await inSmoke("wait", "--for=condition=Ready", "pod/passer-by", "--timeout=60s");
  expect(addressNow()).toBe(NETWORK.hardwareAddress);
  await inSmoke("delete", "pod", "passer-by", "--timeout=60s");
  expect(addressNow()).toBe(NETWORK.hardwareAddress);
});

function pod(name: string, args: readonly string[], container: object = {}, spec: object = {}): unknown {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace, labels: { app: name } },
    spec: {
      restartPolicy: "Never",
      // The probe holds nothing that would have to be ended in order.
      terminationGracePeriodSeconds: 1,
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
      ...spec,
      containers: [
        {
          name,
          image: "headgate.test/probe:1",
          args,
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
          ...container,
        },
      ],
    },
  };
}

function service(name: string): unknown {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace },
    spec: { selector: { app: name }, ports: [{ port: 80, targetPort: 8080 }] },
  };
}
