import { readFileSync } from "node:fs";
import { type Output, runtime } from "@pulumi/pulumi";
import { expect, it } from "vitest";
import { parse } from "yaml";
import { type RegionOutputs, regionOutputs } from "./region-outputs.ts";
import { renderProgram } from "./testing/render-region.ts";

const FOLDER = new URL("../../programs/region/", import.meta.url);
const read = (file: string) => parse(readFileSync(new URL(file, FOLDER), "utf8")) as Record<string, unknown>;

interface Entry {
  readonly region: Output<RegionOutputs>;
  readonly issuer: Output<unknown>;
}

it("the entry for the CLI runs what was compiled, from the example of its configuration", async () => {
  const project = read("Pulumi.yaml") as {
    name: string;
    main: string;
    runtime: { options: { typescript: boolean } };
  };
  expect(project.runtime.options.typescript).toBe(false);
  let entry: Entry | undefined;
  const { outputs } = await renderProgram(async () => {
    const { config } = read("Pulumi.example.yaml") as { config: Record<string, unknown> };
    const key = `${project.name}:region`;
    runtime.setAllConfig({ [key]: JSON.stringify(config[key]) });
    entry = (await import(new URL(project.main, FOLDER).href)) as Entry;
    return entry.region;
  });
  expect(regionOutputs.parse(outputs)).toEqual(outputs);
  expect(Object.keys(entry ?? {}).sort()).toEqual([
    "baseConfig",
    "clusterObjects",
    "issuer",
    "platformConfig",
    "region",
  ]);
});
