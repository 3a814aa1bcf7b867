import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { GO_CACHE } from "./cache.ts";
import { run } from "./run.ts";
import { INSTALLED_PROGRAMS, KUBERNETES_PROGRAMS, VERSIONS } from "./versions.ts";

type Progress = (line: string) => void;

/** Builds every program into `folder`; minutes of work when Go's caches are empty, seconds of linking otherwise. */
export async function buildBinaries(folder: string, progress: Progress): Promise<void> {
  mkdirSync(folder, { recursive: true });
  await step(progress, `Kubernetes ${VERSIONS.kubernetes} (${KUBERNETES_PROGRAMS.join(", ")})`, () =>
    go(
      [
        "build",
        "-trimpath",
        "-tags=osusergo,grpcnotrace",
        `-ldflags=-s -w -X k8s.io/component-base/version.gitVersion=${VERSIONS.kubernetes}`,
        `-o=${folder}/`,
        ...KUBERNETES_PROGRAMS.map((name) => `k8s.io/kubernetes/cmd/${name}`),
      ],
      { cwd: here("kubernetes") },
    ),
  );
  for (const program of INSTALLED_PROGRAMS) {
    await step(progress, program, () =>
      go(["install", "-trimpath", "-ldflags=-s -w", program], { cwd: folder, env: { GOBIN: folder } }),
    );
  }
  await step(progress, "our own programs (pause, probe)", () =>
    go(["build", "-trimpath", "-ldflags=-s -w", `-o=${folder}/`, "./pause", "./probe"], {
      cwd: here("programs"),
    }),
  );
}

/** The folder of a released module's files, downloaded and checked by Go. */
export async function moduleFolder(module: string): Promise<string> {
  const answer = JSON.parse(await go(["mod", "download", "-json", module], { cwd: "/" })) as { Dir: string };
  return join(answer.Dir);
}

/** What a static build with the machine's own Go, and with its checksum database, asks for. */
function go(
  args: readonly string[],
  options: { readonly cwd: string; readonly env?: NodeJS.ProcessEnv },
): Promise<string> {
  return run("go", args, {
    cwd: options.cwd,
    env: {
      ...process.env,
      GOTOOLCHAIN: "local",
      GOFLAGS: "-buildvcs=false",
      GOWORK: "off",
      CGO_ENABLED: "0",
      GOMODCACHE: GO_CACHE.modules,
      GOCACHE: GO_CACHE.builds,
      ...options.env,
    },
  });
}

async function step(progress: Progress, what: string, work: () => Promise<unknown>): Promise<void> {
  const started = performance.now();
  progress(`building ${what} ...`);
  const beat = setInterval(() => progress(`  still at it after ${since(started)}`), 60_000);
  try {
    await work();
  } finally {
    clearInterval(beat);
  }
  progress(`  built in ${since(started)}`);
}

function since(started: number): string {
  return `${Math.round((performance.now() - started) / 1_000)} s`;
}

function here(folder: string): string {
  return fileURLToPath(new URL(folder, import.meta.url));
}
