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
