import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { GO_CACHE } from "../parts/cache.ts";
import { run } from "../parts/run.ts";
import { writeStaticImage } from "../parts/static-image.ts";
import { contentHash } from "./content-hash.ts";
import type { Recipe } from "./recipe.ts";

const SOURCES = fileURLToPath(new URL("collector", import.meta.url));

/** A real OpenTelemetry collector, built from released modules with the components that the programs configure. */
export const collector: Recipe = {
  name: "collector",
  inputs: async () => contentHash([SOURCES], { also: process.arch }),
  build: async ({ workshop, name, archive }) => {
    const program = join(await workshop.folder("collector"), "otelcol");
    await run("go", ["build", "-trimpath", "-ldflags=-s -w", `-o=${program}`, "."], {
      cwd: SOURCES,
      env: {
        ...process.env,
        GOTOOLCHAIN: "local",
        GOFLAGS: "-buildvcs=false",
        GOWORK: "off",
        CGO_ENABLED: "0",
        GOMODCACHE: GO_CACHE.modules,
        GOCACHE: GO_CACHE.builds,
      },
    });
    await writeStaticImage({ name, archive, programs: [program] });
  },
};
