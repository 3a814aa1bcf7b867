import { expect, test } from "vitest";
import { openSecrets, seal, unseal } from "./secrets.ts";
import { type Json, toSecret } from "./wire.ts";

const env = { PULUMI_CONFIG_PASSPHRASE: "one" };

test("what is secret is sealed wherever it lies, and opened by the passphrase alone", () => {
  const { salt } = openSecrets(undefined, env);
  const value: Json = { open: 1, list: [toSecret({ key: "hunter2" })] };
  const sealed = seal(value, openSecrets(salt, env));
  expect(JSON.stringify(sealed)).not.toContain("hunter2");
  expect(unseal(sealed, openSecrets(salt, env))).toEqual(value);
  expect(() => openSecrets(salt, { PULUMI_CONFIG_PASSPHRASE: "two" })).toThrow("incorrect passphrase");
  expect(() => openSecrets(salt, {})).toThrow("passphrase must be set");
});
