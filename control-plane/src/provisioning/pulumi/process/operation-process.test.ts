/** With a real process for the operation, and an engine that does nothing but to hang. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { makeId } from "@headgate/sdk/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { processIdentity } from "../../../lib/process-identity.ts";
import { eventually } from "../../../testing/fake-data-plane.ts";
import { testCluster } from "../../../testing/test-cluster.ts";
import type { OperationMessage } from "./operation-job.ts";
import { createOperationStarter, type OperationOrder } from "./operation-process.ts";

const digest = `sha256:${"a".repeat(64)}`;
let root: string;
let sighting: string;

const HANGING = (file: string) => `#!/usr/bin/env node
const { writeFileSync, renameSync } = require("node:fs");
if (process.argv[2] === "version") { console.log("v3.270.0"); process.exit(0); }
process.on("SIGINT", () => {});
writeFileSync(${JSON.stringify(file)} + ".new", JSON.stringify({ pid: process.pid, args: process.argv.slice(2), env: process.env }));
renameSync(${JSON.stringify(file)} + ".new", ${JSON.stringify(file)});
setInterval(() => {}, 1000);
`;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "headgate-operation-"));
  sighting = join(root, "sighting.json");
  await mkdir(join(root, "bin"));
  await writeFile(join(root, "bin", "pulumi"), HANGING(sighting), { mode: 0o755 });
  await writeFile(join(root, "passphrase"), "passphrase-canary", { mode: 0o600 });
});
afterAll(() => rm(root, { recursive: true, force: true }));

const order = (): OperationOrder => ({
  operationId: makeId("operation"),
  stack: "hg-01",
  mode: "up",
  recover: false,
  refresh: false,
  guard: false,
  spec: {
    tenantId: makeId("tenant"),
    tenantName: "acme",
    dataPlaneId: makeId("dataPlane"),
    plan: "starter",
    image: `registry.example.com/data-plane@${digest}`,
    imageVersion: "1.0.0",
    collectorImage: `registry.example.com/collector@${digest}`,
    joinSecret: `hgj_${"A".repeat(40)}`,
    cluster: testCluster("eu-1"),
  },
  kubeconfig: "kubeconfig-canary",
  backend: `file://${root}`,
  passphraseFile: join(root, "passphrase"),
});

const runner = (noises: string[] = []) =>
  createOperationStarter({
    directory: join(root, "operations"),
    environment: {
      PATH: `${join(root, "bin")}:${dirname(process.execPath)}:/usr/bin:/bin`,
      HOME: "/home/somebody",
      KUBECONFIG: "/home/somebody/.kube/config",
      DATABASE_URL: "postgres://database-canary",
      HEADGATE_OPERATOR_TOKEN: "operator-canary",
      PULUMI_CONFIG_PASSPHRASE: "ambient-canary",
      AWS_REGION: "eu-1",
    },
    stopGraceMs: 300,
    onNoise: (_, text) => noises.push(text),
  });

test("what does not end when it is asked to is killed with all it has started, and leaves nothing behind", async () => {
  const stop = new AbortController();
  const running = runner()(order(), stop.signal);
  const messages: OperationMessage[] = [];
  const reading = (async () => {
    for await (const message of running) messages.push(message);
  })();
  const engine = await eventually("the engine", async () =>
    readFile(sighting, "utf8").then(
      (text) => JSON.parse(text) as { pid: number; args: string[]; env: Record<string, string> },
      () => undefined,
    ),
  );
  expect(engine.args.slice(0, 2)).toEqual(["stack", "select"]);
  stop.abort();
  await reading;
  expect(messages.filter((message) => "result" in message)).toEqual([]);
  expect(await processIdentity(engine.pid)).toBeUndefined();
  expect(await readdir(join(root, "operations"))).toEqual([]);

  // The engine finds its state and its home, and nothing of the worker's own.
  const { HOME, PULUMI_HOME, ...env } = engine.env;
  for (const home of [HOME, PULUMI_HOME]) expect(home).toContain(join(root, "operations"));
  expect(env).toMatchObject({ PULUMI_BACKEND_URL: `file://${root}`, AWS_REGION: "eu-1" });
  expect(env).not.toHaveProperty("KUBECONFIG");
  expect(JSON.stringify(engine)).not.toMatch(/canary|hgj_/);
});

test("a process that cannot begin says why, and reports nothing", async () => {
  const noises: string[] = [];
  const messages = [];
  for await (const message of runner(noises)(
    { ...order(), passphraseFile: join(root, "none") },
    new AbortController().signal,
  ))
    messages.push(message);
  expect(messages).toEqual([]);
  expect(noises.join()).toContain("ENOENT");
});
