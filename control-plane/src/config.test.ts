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
