import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { PROJECTS } from "../names.ts";
import { parseSettings } from "../stack-config.ts";
import { platformConfig } from "./platform-config.ts";
import { makePlatformConfig } from "./testing/make-platform-config.ts";

const example = new URL("../../programs/platform/Pulumi.example.yaml", import.meta.url);
const read = (value: unknown) => parseSettings(platformConfig, value, { project: PROJECTS.platform });

test("the documented example is valid, and has every setting that there is", () => {
  const settings = parse(readFileSync(example, "utf8")).config["headgate-platform:settings"];
  const parsed = read(settings);
  expect(Object.keys(settings).toSorted()).toEqual(Object.keys(makePlatformConfig()).toSorted());
  for (const key of ["api", "worker", "database", "gateway", "monitoring"] as const)
    expect(Object.keys(settings[key]).toSorted(), key).toEqual(Object.keys(parsed[key] ?? {}).toSorted());
});

test("what has a usual value need not be said", () => {
  const { region, image, workerImage, dataPlaneImage, collectorImage, imageVersion } = makePlatformConfig();
  const { publicUrl, database, apiServer, monitoring } = makePlatformConfig();
  const images = { image, workerImage, dataPlaneImage, collectorImage, imageVersion };
  const pulumi = { backend: null };
  const least = { region, ...images, publicUrl, database, pulumi, apiServer, monitoring };
  expect(read({ ...least, gateway: null })).toMatchObject({
    api: { replicas: { min: 2, max: 6 }, memoryMib: 512 },
    worker: { replicas: 2, operations: 4 },
    secret: "headgate",
    logLevel: "info",
  });
});

test.each([
  ["a setting that there is not", { apiReplicas: 5 }, "apiReplicas: there is no such setting"],
  ["one replica of the API", { api: { replicas: { min: 1, max: 2 } } }, "api.replicas.min: "],
  [
    "fewer at most than at least",
    { api: { replicas: { min: 4, max: 2 } } },
    "api.replicas: min is above max",
  ],
  [
    "a database of another kind",
    { database: { ...makePlatformConfig().database, kind: "embedded" } },
    "database.kind: ",
  ],
  [
    "a back end with its password",
    { pulumi: { backend: "postgres://a:secret@db/state" } },
    "pulumi.backend: must not contain a password",
  ],
  [
    "a back end of Pulumi Cloud",
    { pulumi: { backend: "https://api.pulumi.com" } },
    "pulumi.backend: must be the URL of a state back end",
  ],
  ["an image by its tag", { image: "registry.example/x:1" }, "image: must be an image by digest"],
])("%s is refused, and the message says where", (_, changes, message) => {
  const refusal = () => read({ ...makePlatformConfig(), ...changes });
  expect(refusal).toThrow(`\n  ${message}`);
  expect(refusal).not.toThrow(/a:secret/);
});
