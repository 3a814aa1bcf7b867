import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { contentHash } from "./content-hash.ts";
import { copyPackages } from "./package-closure.ts";
import { WORKSPACE } from "./workshop.ts";

const STAND_IN = join(WORKSPACE, "test/cluster/engine");
const OF_TESTS = /\.test\.ts$|(^|\/)testing(\/|$)/;

/**
 * Fills `folder` as the Dockerfile's `pulumi` stage does: the CLI in `bin`, its plugins in `home`. It is the machine's own
 * CLI where it has one with the Kubernetes provider, and the stand-in of the suite otherwise.
 */
export function fillEngineFolder(folder: string): void {
  const real = realEngine();
  mkdirSync(join(folder, "bin"), { recursive: true });
  mkdirSync(join(folder, "home"), { recursive: true });
  if (real === null) fillWithStandIn(folder);
  else fillWithReal(folder, real);
}

function fillWithReal(folder: string, real: RealEngine): void {
  for (const program of ["pulumi", "pulumi-language-nodejs"]) {
    cpSync(join(real.bin, program), join(folder, "bin", program), { dereference: true });
  }
  const provider = join("plugins", `resource-kubernetes-v${providerVersion()}`);
  cpSync(join(real.home, provider), join(folder, "home", provider), { recursive: true });
}

/** Of what `fillEngineFolder` would take. */
export function engineHash(): string {
  const real = realEngine();
  if (real === null) return contentHash([STAND_IN], { accepts: (name) => !OF_TESTS.test(name) });
  return contentHash([join(real.bin, "pulumi")], { also: providerVersion() });
}

/** In the image nothing but Node can start it: there is no shell. */
function fillWithStandIn(folder: string): void {
  const target = join(folder, "engine");
  cpSync(STAND_IN, target, { recursive: true, filter: (path) => !OF_TESTS.test(path) });
  writeFileSync(join(target, "package.json"), '{ "type": "module" }\n');
  copyPackages({ names: packagesOf(STAND_IN), from: join(WORKSPACE, "test"), target: folder });
  const program = join(folder, "bin", "pulumi");
  writeFileSync(program, '#!/usr/local/bin/node\nimport("/opt/pulumi/engine/main.ts");\n');
  chmodSync(program, 0o755);
}

/** Names of the packages that the sources import. */
function packagesOf(folder: string): readonly string[] {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !OF_TESTS.test(file))
    .flatMap((file) => [
      ...readFileSync(join(folder, file), "utf8").matchAll(
        /^\s*(?:import|export|\}).*from "([^".:][^":]*)";$/gm,
      ),
    ])
    .map(([, specifier = ""]) =>
      specifier
        .split("/")
        .slice(0, specifier.startsWith("@") ? 2 : 1)
        .join("/"),
    );
  return [...new Set(names)].sort();
}

interface RealEngine {
  readonly bin: string;
  readonly home: string;
}

function realEngine(): RealEngine | null {
  const home = process.env["PULUMI_HOME"] ?? join(homedir(), ".pulumi");
  if (!existsSync(join(home, "plugins", `resource-kubernetes-v${providerVersion()}`))) return null;
  const found = (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((folder) => join(folder, "pulumi"))
    .find((file) => existsSync(file) && !realpathSync(file).startsWith(STAND_IN));
  return found === undefined ? null : { bin: dirname(realpathSync(found)), home };
}

function providerVersion(): string {
  const catalog = readFileSync(join(WORKSPACE, "pnpm-workspace.yaml"), "utf8");
  return /"@pulumi\/kubernetes": (\d\S*)/.exec(catalog)?.[1] ?? "";
}
