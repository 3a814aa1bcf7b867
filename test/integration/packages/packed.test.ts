/** What leaves the workspace: into the images, and for the SDK into the projects of those who use it. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtempDisposable, readdir, readFile, writeFile } from "node:fs/promises";
import { builtinModules } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test, vi } from "vitest";
import { WORKSPACE } from "../../cluster/images/workshop.ts";
import { pnpm } from "../../harness/pnpm.ts";

// Each starts a package manager.
vi.setConfig({ testTimeout: 120_000 });

const run = promisify(execFile);
const TSC = join(WORKSPACE, "node_modules/.bin/tsc");
const PACKAGES = ["sdk", "infra", "control-plane", "data-plane"] as const;
/** The SDK's `testing` is for its users' tests too. */
const OF_TESTS = /\.(test|bench)\.|^dist\/(?!testing\/).*\btesting\/|vitest|tsbuildinfo/;

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly dependencies: Readonly<Record<string, string>>;
}

async function manifestOf(folder: string): Promise<Manifest> {
  return JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as Manifest;
}

/** Paths in the package, as it would be published. */
async function contentOf(name: string): Promise<string[]> {
  const printed = await pnpm(["pack", "--dry-run", "--json"], join(WORKSPACE, name));
  const { files } = JSON.parse(printed) as { readonly files: readonly { readonly path: string }[] };
  return files.map(({ path }) => path);
}

test.each(PACKAGES)(
  "%s carries no test, nothing of tests, and imports only what it says it depends on",
  async (name) => {
    const folder = join(WORKSPACE, name);
    const manifest = await manifestOf(folder);
    const files = await contentOf(name);
    expect(files.length).toBeGreaterThan(20);
    const known = new Set([manifest.name, ...Object.keys(manifest.dependencies)]);
    expect(files.filter((path) => OF_TESTS.test(path))).toEqual([]);
    if (name !== "sdk") expect(files.filter((path) => path.includes("/testing/"))).toEqual([]);
    // What a file that is no more was compiled to is there until the next clean build.
    const code = files.filter((path) => existsSync(join(folder, path.replace(/^dist(.*)\.js$/, "src$1.ts"))));
    for (const path of code.filter((file) => file.endsWith(".js"))) {
      const undeclared = packagesIn(await readFile(join(folder, path), "utf8")).filter(
        (one) => !known.has(one),
      );
      expect(undeclared, path).toEqual([]);
    }
  },
);

/** Names of the packages that compiled code imports. */
function packagesIn(code: string): string[] {
  const specifiers = code.matchAll(/^(?:import|export) (?:[^"';]*? from )?"([^".][^"]*)";/gm);
  return [...specifiers]
    .map(([, specifier = ""]) =>
      specifier
        .split("/")
        .slice(0, specifier.startsWith("@") ? 2 : 1)
        .join("/"),
    )
    .filter((name) => !name.startsWith("node:") && !builtinModules.includes(name));
}

const CONSUMER = `import { createClient, isHeadgateError, type Inputs } from "@headgate/sdk";
import { createConditionCompiler } from "@headgate/sdk/condition";
import { ERROR_CODES, idOf } from "@headgate/sdk/contract";
import { makePolicySnapshot } from "@headgate/sdk/testing";

const client = createClient({ url: "http://127.0.0.1:9", retriesMax: 0 });
const input: Inputs["agents"]["create"] = { name: "researcher" };
try {
  const { id }: { id: \`agt_\${string}\` } = await client.agents.create(input);
  console.log(id);
} catch (error) {
  console.log(isHeadgateError(error) && error.code);
}
// @ts-expect-error a name is needed
const wrong: Inputs["agents"]["create"] = {};
console.log(Object.keys(wrong).length, createConditionCompiler()("request.stream").ok);
console.log(idOf("tenant").safeParse(makePolicySnapshot().tenant_id).success, "api.not_found" in ERROR_CODES);
`;

/** Strict in all, and libraries' own declarations are checked as well. */
const TSCONFIG = {
  compilerOptions: {
    target: "es2023",
    lib: ["es2023", "dom"],
    module: "nodenext",
    strict: true,
    exactOptionalPropertyTypes: true,
    types: [],
  },
  files: ["consumer.ts"],
};

test("the packed SDK installs in an empty project, type-checks there, runs, and tells what each procedure does", async () => {
  await using project = await mkdtempDisposable(join(tmpdir(), "headgate-consumer-"));
  const sdk = join(WORKSPACE, "sdk");
  const { private: isPrivate, version, dependencies } = await manifestOf(sdk);
  expect(isPrivate).toBeUndefined();
  await pnpm(["pack", "--pack-destination", project.path], sdk);
  const [tarball] = (await readdir(project.path)).filter((name) => name.endsWith(".tgz"));
  const write = (name: string, content: object | string) =>
    writeFile(join(project.path, name), typeof content === "string" ? content : JSON.stringify(content));
  await write("package.json", { type: "module", dependencies: { "@headgate/sdk": `file:${tarball}` } });
  // What the SDK depends on is taken from the workspace, so that no registry is asked.
  const overrides = Object.keys(dependencies).map(
    (name) => `  "${name}": "link:${join(sdk, "node_modules", name)}"`,
  );
  await write("pnpm-workspace.yaml", `overrides:\n${overrides.join("\n")}\n`);
  await pnpm(["install", "--offline", "--no-frozen-lockfile"], project.path);
  const installed = join(project.path, "node_modules/@headgate/sdk");
  const manifest = await manifestOf(installed);
  expect(manifest.version).toBe(version);
  for (const [name, range] of Object.entries(manifest.dependencies)) expect(range, name).toMatch(/^\d/);

  await write("consumer.ts", CONSUMER);
  await write("tsconfig.json", TSCONFIG);
  await run(TSC, ["-p", project.path]);
  const { stdout } = await run(process.execPath, ["consumer.js"], { cwd: project.path });
  expect(stdout).toBe("network\n0 true\ntrue true\n");

  const router = await readFile(join(installed, "dist/generated/router.d.ts"), "utf8");
  const procedures = [...router.matchAll(/^( {8}|.*\*\/\n {8})(\w+): (?:Query|Mutation|Subscription)</gm)];
  expect(procedures.length).toBeGreaterThan(80);
  expect(procedures.filter(([, before = ""]) => !before.includes("*/")).map(([, , name]) => name)).toEqual(
    [],
  );
  expect(await readFile(join(installed, "dist/client/create-client.d.ts"), "utf8")).toContain(
    "const headgate = createClient({ url, credential: adminKey });",
  );
});
