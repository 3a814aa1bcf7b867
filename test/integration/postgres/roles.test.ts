/** The API and the worker as processes of their own, over one database, and the schema that somebody else brings up to date. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDatabase } from "@headgate/control-plane";
import { createClient } from "@headgate/sdk";
import { afterAll, beforeAll, expect, test } from "vitest";
import { until } from "../../demo/until.ts";
import { withDatabase } from "../../harness/database.ts";
import { type RunningProcess, startProcess } from "../../harness/process.ts";

let directory: string;
let shared: Record<string, string>;
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

function start(role: "api" | "worker", env: Record<string, string>): RunningProcess {
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
  const shown = await until("the data plane to be ready", 20_000, async () => {
    const row = await tenant.data_planes.get({ data_plane_id: data_plane.id });
    return row.state === "ready" ? row : undefined;
  });
  expect(shown.endpoint_url).toMatch(/^http/);
});

test("a process that serves the API has loaded nothing of Pulumi, of infra or of the drivers, which the worker has", async () => {
  const ofOthers = /@pulumi|[/]infra[/]|[/]provisioning[/](?!operations[/])|compose[/]worker/;
  await using database = await withDatabase();
  const [api, worker] = [recorded("api"), recorded("worker")];
  await using serving = start("api", { DATABASE_URL: database.url, ...api.env });
  const url = String((await serving.event("listening"))["url"]);
  await using working = start("worker", {
    DATABASE_URL: database.url,
    HEADGATE_PUBLIC_URL: url,
    ...worker.env,
  });
  await working.event("listening");
  await createClient({ url, credential: operatorToken }).regions.list({});
  await Promise.all([serving.kill("SIGTERM"), working.kill("SIGTERM")]);
  expect(api.loaded().filter((module) => ofOthers.test(module))).toEqual([]);
  expect(api.loaded().some((module) => module.endsWith("/compose/api.js"))).toBe(true);
  expect(worker.loaded().some((module) => module.endsWith("/compose/api.js"))).toBe(false);
  for (const part of [/@pulumi/, /[/]infra[/]/, /pulumi-driver/])
    expect(worker.loaded().some((module) => part.test(module))).toBe(true);
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
