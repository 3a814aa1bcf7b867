import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { PROJECTS } from "../names.ts";
import { parseSettings } from "../stack-config.ts";
import { baseConfig } from "./base-config.ts";
import { makeBareBaseConfig, makeBaseConfig } from "./testing/make-base-config.ts";

const example = new URL("../../programs/base/Pulumi.example.yaml", import.meta.url);
const read = (value: unknown) => parseSettings(baseConfig, value, { project: PROJECTS.base });

test("the documented example is valid, and has every setting that there is", () => {
  const { config } = parse(readFileSync(example, "utf8"));
  expect(read(config["headgate-base:settings"])).toMatchObject({ region: "eu-central" });
  const documented = config["headgate-base:settings"];
  for (const [key, value] of Object.entries(makeBaseConfig())) {
    expect(documented, key).toHaveProperty(key);
    if (value !== null && typeof value === "object" && !Array.isArray(value) && key !== "dns")
      expect(Object.keys(documented[key]).toSorted(), key).toEqual(Object.keys(value).toSorted());
  }
});

test("a cluster that has everything and one that has nothing are both described", () => {
  for (const config of [makeBaseConfig(), makeBareBaseConfig()]) expect(read(config)).toEqual(config);
});

test("without more the provisioner is the worker of the platform in this cluster, and nobody is on call", () => {
  const { admission } = read({ ...makeBaseConfig(), admission: { registries: ["registry.example"] } });
  expect(admission).toMatchObject({
    provisioners: ["system:serviceaccount:headgate-system:worker"],
    administrators: { users: [], groups: [] },
  });
});

test.each([
  ["a setting that there is not", { tenants: 5 }, "tenants: there is no such setting"],
  [
    "one deeper down",
    { admission: { registries: ["r.example"], registry: "x" } },
    "admission.registry: there is no such setting",
  ],
  ["an image by its tag", { valkey: { image: "valkey:8" } }, "valkey.image: must be an image by digest"],
  ["no registry", { admission: { registries: [] } }, "admission.registries: "],
  ["a network that is none", { podCidr: "10.0.0.0" }, "podCidr: "],
  ["a domain with a wildcard", { domain: "*.example.com" }, "domain: must be a DNS name"],
  ["a patch version", { kubernetesVersion: "1.36.2" }, "kubernetesVersion: must be a minor version"],
  ["one collector", { collector: { ...makeBaseConfig().collector, replicas: 1 } }, "collector.replicas: "],
])("%s is refused, and the message says where", (_, changes, message) => {
  expect(() => read({ ...makeBaseConfig(), ...changes })).toThrow(`\n  ${message}`);
});

test("a refusal repeats no value", () => {
  expect(() => read({ ...makeBaseConfig(), domain: "sk_secret!" })).toThrow(
    expect.not.objectContaining({ message: expect.stringContaining("sk_secret") }),
  );
});
