import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readConfig } from "./config.ts";

test("with nothing set the defaults hold", () => {
  expect(readConfig({ PATH: "/bin" })).toMatchObject({
    host: "127.0.0.1",
    port: 8080,
    metricsPort: 9464,
    driver: "local",
  });
});

test("providers may be on the platform's own machine by default only with the embedded database", () => {
  const postgres = { DATABASE_URL: "postgres://db/x" };
  expect(readConfig({}).privateNetworks).toEqual(["127.0.0.0/8", "::1/128"]);
  expect(readConfig(postgres).privateNetworks).toEqual([]);
  expect(
    readConfig({ ...postgres, HEADGATE_PRIVATE_NETWORKS: "10.0.0.0/8, fd12::/16" }).privateNetworks,
  ).toEqual(["10.0.0.0/8", "fd12::/16"]);
  expect(readConfig({ HEADGATE_PRIVATE_NETWORKS: "" }).privateNetworks).toEqual([]);
  expect(() => readConfig({ HEADGATE_PRIVATE_NETWORKS: "10.0.0.0/8,10.0.0.1" })).toThrow(
    "HEADGATE_PRIVATE_NETWORKS: must be networks",
  );
});

test("pages of other origins may call the API only where their origin is named in full, never all of them", () => {
  const origins = (list: string) => readConfig({ HEADGATE_ALLOWED_ORIGINS: list }).allowedOrigins;
  expect(readConfig({}).allowedOrigins).toEqual([]);
  expect(origins("https://a.example.com, http://localhost:5173")).toEqual([
    "https://a.example.com",
    "http://localhost:5173",
  ]);
  for (const bad of [
    "*",
    "https://*",
    "null",
    "a.example.com",
    "https://a.example.com/",
    "https://A.example.com",
  ])
    expect(() => origins(bad)).toThrow("HEADGATE_ALLOWED_ORIGINS: must be origins");
});

test("an unknown HEADGATE_ variable is refused by name, another program's is ignored", () => {
  expect(() => readConfig({ HEADGATE_PROT: "1", OTHER: "x" })).toThrow(
    "HEADGATE_PROT: there is no such variable",
  );
});

test("a bad value is refused by the variable's name, without the value", () => {
  const environment = {
    HEADGATE_PORT: "70000",
    HEADGATE_OPERATOR_TOKEN: "hgo_canary",
    DATABASE_URL: "mysql://canary",
  };
  const refusal = () => readConfig(environment);
  expect(refusal).toThrow(/HEADGATE_PORT: .*\n.*DATABASE_URL: .*\n.*HEADGATE_OPERATOR_TOKEN: /);
  expect(refusal).not.toThrow(/canary/);
});

const digest = `sha256:${"a".repeat(64)}`;
const PULUMI = {
  HEADGATE_DRIVER: "pulumi",
  HEADGATE_PULUMI_BACKEND: "postgres://state:canary@db/state",
  HEADGATE_PULUMI_PASSPHRASE_FILE: "/run/passphrase",
  HEADGATE_DATA_PLANE_IMAGE: `registry.example.com/data-plane:1.2.3@${digest}`,
  HEADGATE_COLLECTOR_IMAGE: `registry.example.com/collector@${digest}`,
};

test("the driver pulumi names all that it needs, where a process provisions, and has its defaults", () => {
  expect(readConfig(PULUMI).pulumi).toMatchObject({
    operationsMax: 4,
    operationsPerRegion: 4,
    deadlineMs: 900_000,
    driftMs: 1_800_000,
    repairsDrift: true,
  });
  for (const name of Object.keys(PULUMI).filter((key) => key !== "HEADGATE_DRIVER"))
    expect(() => readConfig({ ...PULUMI, [name]: undefined })).toThrow(name);
  const api = {
    HEADGATE_ROLE: "api",
    DATABASE_URL: "postgres://db/x",
    HEADGATE_OPERATOR_TOKEN: `hgo_${"x".repeat(32)}`,
  };
  expect(readConfig({ ...api, HEADGATE_DRIVER: "pulumi" })).toMatchObject({
    driver: "pulumi",
    pulumi: undefined,
  });
  expect(() => readConfig({ ...PULUMI, HEADGATE_DATA_PLANE_IMAGE: "data-plane:latest" })).toThrow(
    "by digest",
  );
});

test("processes that share the work are refused without what they share", () => {
  expect(() => readConfig({ HEADGATE_ROLE: "api" })).toThrow(/DATABASE_URL[\s\S]*HEADGATE_OPERATOR_TOKEN/);
  const shared = { DATABASE_URL: "postgres://db/x", HEADGATE_ROLE: "worker" };
  expect(() => readConfig(shared)).toThrow("HEADGATE_PUBLIC_URL");
  expect(readConfig({ ...shared, HEADGATE_DRIVER: "none" }).role).toBe("worker");
});

test("secrets may be given by file instead, but not twice, and a file that is not there is named", () => {
  const directory = mkdtempSync(join(tmpdir(), "headgate-config-"));
  const file = join(directory, "url");
  writeFileSync(file, "postgres://user:canary@db/x\n");
  expect(readConfig({ HEADGATE_DATABASE_URL_FILE: file }).databaseUrl).toBe("postgres://user:canary@db/x");
  expect(() => readConfig({ HEADGATE_DATABASE_URL_FILE: file, DATABASE_URL: "postgres://db/x" })).toThrow(
    "both set",
  );
  expect(() => readConfig({ HEADGATE_OPERATOR_TOKEN_FILE: join(directory, "none") })).toThrow(
    "HEADGATE_OPERATOR_TOKEN_FILE",
  );
  rmSync(directory, { recursive: true });
});
