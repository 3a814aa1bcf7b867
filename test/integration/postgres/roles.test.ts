/** The API and the worker as processes of their own, over one database, and the schema that somebody else brings up to date. */
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDatabase } from "@headgate/control-plane";
import { createClient } from "@headgate/sdk";
import { afterAll, beforeAll, expect, test } from "vitest";
import { withDatabase } from "../../harness/database.ts";
import { type RunningProcess, startProcess } from "../../harness/process.ts";
import { until } from "../../harness/until.ts";

let directory: string;
let shared: Record<string, string>;
let pulumi: Record<string, string>;
const operatorToken = `hgo_${"x".repeat(40)}`;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "hg-roles-"));
  const file = (name: string, content: string) => {
    writeFileSync(join(directory, name), content, { mode: 0o600 });
    return join(directory, name);
  };
  shared = {
    HEADGATE_KEY_FILE: file("key", Buffer.alloc(32, 7).toString("base64")),
    HEADGATE_OPERATOR_TOKEN_FILE: file("token", `${operatorToken}\n`),
    HEADGATE_PORT: "0",
    HEADGATE_METRICS_PORT: "0",
    HEADGATE_DATA_PLANE_ENTRY: createRequire(import.meta.url).resolve("@headgate/data-plane/main"),
  };
  const image = `registry.example.com/image@sha256:${"0".repeat(64)}`;
  pulumi = {
    HEADGATE_DRIVER: "pulumi",
    HEADGATE_PULUMI_BACKEND: `file://${directory}`,
    HEADGATE_PULUMI_PASSPHRASE_FILE: file("passphrase", "unused"),
    HEADGATE_DATA_PLANE_IMAGE: image,
    HEADGATE_COLLECTOR_IMAGE: image,
  };
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** The environment of a process that writes down which modules it has loaded, once it ends; and what it wrote. */
function recorded(name: string): { env: Record<string, string>; loaded: () => readonly string[] } {
  const [recorder, record] = [join(directory, `${name}.mjs`), join(directory, `${name}.loaded`)];
  writeFileSync(
    recorder,
    `import { writeFileSync } from "node:fs";
     import { registerHooks } from "node:module";
     const loaded = [];
     registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) });
     process.on("exit", () => writeFileSync(${JSON.stringify(record)}, JSON.stringify(loaded)));`,
  );
  return {
    env: { NODE_OPTIONS: `--import=${recorder}` },
    loaded: () => JSON.parse(readFileSync(record, "utf8")),
  };
}

const PARTS = {
  api: /compose[/]api[.]/,
  worker: /compose[/]worker[.]/,
  localDriver: /provisioning[/]local[/]/,
  infra: /[/]infra[/]/,
  pulumi: /@pulumi[/]|pulumi-driver/,
};

function start(role: "all" | "api" | "worker", env: Record<string, string>): RunningProcess {
  return startProcess({
    name: role,
    entry: "@headgate/control-plane/main",
    env: { ...shared, HEADGATE_ROLE: role, HEADGATE_DATA_DIR: join(directory, role), ...env },
  });
}

test("what the API writes down the worker brings about, though neither does the other's work", async () => {
  await using database = await withDatabase();
  await using api = start("api", { DATABASE_URL: database.url });
  const url = String((await api.event("listening"))["url"]);
  await using worker = start("worker", { DATABASE_URL: database.url, HEADGATE_PUBLIC_URL: url });
  const listening = await worker.event("listening");
  expect(listening).not.toHaveProperty("url");
  const health = await fetch(`${listening["metrics_url"]}/readyz`);
  expect([health.status, await health.json()]).toEqual([200, { status: "ok" }]);
  expect((await fetch(`${listening["metrics_url"]}/trpc/system.info`)).status).toBe(404);

  const operator = createClient({ url, credential: operatorToken });
  const { admin_key, data_plane } = await operator.tenants.create({
    idempotency_key: "acme",
    name: "acme",
    plan: "starter",
    region: "local",
  });
  const tenant = createClient({ url, credential: admin_key ?? "" });
  const shown = await until({ what: "the data plane is ready" }, async () => {
    const row = await tenant.data_planes.get({ data_plane_id: data_plane.id });
    return row.state === "ready" && row;
  });
  expect(shown.endpoint_url).toMatch(/^http/);
});

test("a process loads what its role and its driver need: the API no driver, and only the driver of clusters Pulumi", async () => {
  await using database = await withDatabase();
  const [api, worker, all, onClusters] = ["api", "worker", "all", "on-clusters"].map(recorded);
  if (!api || !worker || !all || !onClusters) throw new Error("not recorded");
  const env = { DATABASE_URL: database.url };
  await using both = start("all", { ...env, ...all.env });
  const url = String((await both.event("listening"))["url"]);
  await createClient({ url, credential: operatorToken }).regions.list({});
  await using serving = start("api", { ...env, ...api.env });
  const publicUrl = { HEADGATE_PUBLIC_URL: String((await serving.event("listening"))["url"]) };
  await using working = start("worker", { ...env, ...publicUrl, ...worker.env });
  await working.event("listening");
  // Without an engine on its path it says so and ends, after it has loaded its driver.
  await using refusing = start("worker", { ...env, ...publicUrl, ...pulumi, ...onClusters.env, PATH: "" });
  expect((await refusing.exited).code).toBe(1);
  await Promise.all([both, serving, working].map(({ kill }) => kill("SIGTERM")));

  const loads = ({ loaded }: ReturnType<typeof recorded>) =>
    Object.fromEntries(
      Object.entries(PARTS).map(([name, part]) => [name, loaded().some((module) => part.test(module))]),
    );
  const nothing = { api: false, worker: false, localDriver: false, infra: false, pulumi: false };
  expect(loads(api)).toEqual({ ...nothing, api: true });
  expect(loads(worker)).toEqual({ ...nothing, worker: true, localDriver: true, infra: true });
  expect(loads(all)).toEqual({ ...nothing, api: true, worker: true, localDriver: true, infra: true });
  expect(loads(onClusters)).toEqual({ ...nothing, worker: true, infra: true, pulumi: true });
});

test("a process that shares the work does not start on a schema that is behind", async () => {
  await using database = await withDatabase();
  const open = () => openDatabase({ kind: "postgres", url: database.url, awaitMigratedMs: 0 });
  await (await open()).close();
  await database.query(
    "DELETE FROM drizzle.__drizzle_migrations WHERE created_at = (SELECT max(created_at) FROM drizzle.__drizzle_migrations)",
  );
  await expect(open()).rejects.toThrow("node dist/main.js migrate");
  await database.query("DROP SCHEMA drizzle CASCADE");
  await expect(open()).rejects.toThrow("node dist/main.js migrate");
});

test.each(["api", "worker"])("a signal ends the %s at once while it waits for its database", async (role) => {
  const asked = Promise.withResolvers<Socket>();
  const silent = createServer((socket) => asked.resolve(socket)).listen(0, "127.0.0.1");
  await once(silent, "listening");
  const { port } = silent.address() as AddressInfo;
  await using starting = startProcess({
    name: `waiting-${role}`,
    entry: "@headgate/control-plane/main",
    env: { ...shared, ...pulumi, HEADGATE_ROLE: role, DATABASE_URL: `postgres://u:p@127.0.0.1:${port}/d` },
  });
  const socket = await asked.promise;
  expect(await starting.kill("SIGTERM")).toEqual({ code: null, signal: "SIGTERM" });
  socket.destroy();
  silent.close();
});
