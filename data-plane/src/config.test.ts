import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadConfig } from "./config.ts";

const REQUIRED = { HEADGATE_CONTROL_PLANE_URL: "http://127.0.0.1:8080", HEADGATE_STATE_DIR: "state" };

function refusalOf(environment: Record<string, string>): string {
  try {
    loadConfig({ ...REQUIRED, ...environment });
  } catch (cause) {
    return String(cause);
  }
  return "";
}

test("what is not set has its default", () => {
  const { joinToken, ...config } = loadConfig(REQUIRED);
  expect(joinToken()).toBeUndefined();
  expect(config).toEqual({
    controlPlaneUrl: "http://127.0.0.1:8080",
    serviceAccountToken: undefined,
    state: { kind: "own", directory: "state" },
    host: "127.0.0.1",
    port: 8_800,
    adminPort: 9_800,
    authorities: undefined,
    spoolBytesMax: 1_073_741_824,
    drainDelayMs: 0,
    drainMs: 600_000,
    traces: "none",
  });
});

test("what is set is taken", () => {
  const config = loadConfig({
    ...REQUIRED,
    HEADGATE_PORT: "0",
    HEADGATE_AUTHORITIES: "Gateway.example, 127.0.0.1:8800,[::1]:80",
    HEADGATE_DRAIN_SECONDS: "5",
    HEADGATE_TRACES: "otlp",
  });
  expect(config).toMatchObject({
    port: 0,
    drainDelayMs: 0,
    drainMs: 5_000,
    traces: "otlp",
    authorities: ["gateway.example", "127.0.0.1:8800", "[::1]:80"],
  });
});

test("an unknown setting of our prefix is refused by name, others are no concern of ours", () => {
  expect(refusalOf({ HEADGATE_PROT: "1" })).toContain("HEADGATE_PROT is not a known setting");
  expect(refusalOf({ OTEL_SERVICE_NAME: "x", PATH: "/bin", headgate_port: "1" })).toBe("");
});

test("every setting that is wrong is named at once", () => {
  const refusal = refusalOf({ HEADGATE_PORT: "65536", HEADGATE_TRACES: "all", HEADGATE_STATE_DIR: "" });
  for (const name of ["HEADGATE_PORT", "HEADGATE_TRACES", "HEADGATE_STATE_DIR"])
    expect(refusal).toContain(name);
});

test.each([
  ["HEADGATE_PORT", "80.5"],
  ["HEADGATE_PORT", "-1"],
  ["HEADGATE_PORT", ""],
  ["HEADGATE_ADMIN_PORT", "0x50"],
  ["HEADGATE_CONTROL_PLANE_URL", "ftp://example"],
  ["HEADGATE_CONTROL_PLANE_URL", "http://a:b@example"],
  ["HEADGATE_SPOOL_BYTES_MAX", "12"],
  ["HEADGATE_AUTHORITIES", "a/b"],
  ["HEADGATE_AUTHORITIES", ""],
  ["HEADGATE_JOIN_TOKEN_FILE", ""],
])("%s=%j is refused", (name, value) => {
  expect(refusalOf({ [name]: value })).toContain(name);
});

test("what is required is asked for by name", () => {
  expect(() => loadConfig({})).toThrow(
    /HEADGATE_CONTROL_PLANE_URL is required\n.*HEADGATE_STATE_DIR is required/,
  );
});

test("the state directory is the process's own or one on a shared volume, and never both", () => {
  const { HEADGATE_CONTROL_PLANE_URL } = REQUIRED;
  const shared = { HEADGATE_CONTROL_PLANE_URL, HEADGATE_SHARED_STATE_DIR: "volume" };
  expect(loadConfig(shared).state).toEqual({ kind: "shared", root: "volume" });
  expect(refusalOf(shared)).toContain(
    "HEADGATE_STATE_DIR must not be set together with HEADGATE_SHARED_STATE_DIR",
  );
});

test("a secret is in no message and in nothing that a log could print", () => {
  const secrets = { HEADGATE_JOIN_TOKEN: "hgj_secret", HEADGATE_JOIN_TOKEN_FILE: "/hidden" };
  expect(refusalOf(secrets)).toContain("HEADGATE_JOIN_TOKEN");
  expect(refusalOf(secrets)).not.toContain("hgj_secret");
  const config = loadConfig({ ...REQUIRED, HEADGATE_JOIN_TOKEN: "hgj_secret" });
  expect(JSON.stringify(config)).not.toContain("hgj_secret");
  expect(config.joinToken()).toBe("hgj_secret");
});

test("a token's file is read each time that it is asked for", () => {
  const directory = mkdtempSync(join(tmpdir(), "headgate-config-"));
  try {
    const file = join(directory, "token");
    const { joinToken, serviceAccountToken } = loadConfig({
      ...REQUIRED,
      HEADGATE_JOIN_TOKEN_FILE: file,
      HEADGATE_SERVICE_ACCOUNT_TOKEN_FILE: file,
    });
    writeFileSync(file, "first\n");
    expect(joinToken()).toBe("first");
    writeFileSync(file, "second\n");
    expect([joinToken(), serviceAccountToken?.()]).toEqual(["second", "second"]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test.each([
  ["headgate.example.com", "must begin with http:// or https://, as in https://headgate.example.com"],
  ["headgate.example.com:8443", "must begin with http:// or https://, as in https://headgate.example.com"],
  ["//headgate.example.com", "must begin with http:// or https://, as in https://headgate.example.com"],
  ["ftp://headgate.example.com", "must be an http or https URL without user, query and fragment"],
  ["https://me@headgate.example.com", "must be an http or https URL without user, query and fragment"],
  ["https://", "must be an http or https URL without user, query and fragment"],
  [
    "https://headgate.example.com/trpc",
    "must be the address of the control plane, without the /trpc of its API",
  ],
  [
    "https://headgate.example.com/x/trpc/",
    "must be the address of the control plane, without the /trpc of its API",
  ],
])("what is wrong with the control plane's URL is told: %s", (HEADGATE_CONTROL_PLANE_URL, expected) => {
  const told = refusalOf({ HEADGATE_CONTROL_PLANE_URL });
  expect(told).toContain(`HEADGATE_CONTROL_PLANE_URL ${expected}`);
});
