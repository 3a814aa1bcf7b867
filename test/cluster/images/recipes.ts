import { join } from "node:path";
import { collector } from "./collector.ts";
import { contentHash } from "./content-hash.ts";
import { engineHash, fillEngineFolder } from "./engine-folder.ts";
import type { ImageName } from "./images.ts";
import { machineHash, planeHash } from "./inputs.ts";
import type { Order, Recipe } from "./recipe.ts";
import { valkey } from "./valkey.ts";
import { DOCKERFILE, type Workshop } from "./workshop.ts";

/** In the order in which they are built. */
export const RECIPES: Readonly<Record<ImageName, Recipe>> = {
  base: {
    name: "base",
    inputs: machineHash,
    build: async ({ workshop, name, archive }) => workshop.buildah.save(await workshop.base(), archive, name),
  },
  toolbox: {
    name: "toolbox",
    inputs: machineHash,
    build: async ({ workshop, name, archive }) => workshop.buildah.save(await workshop.node(), archive, name),
  },
  dataPlane: {
    name: "data-plane",
    inputs: () => planeHash("data-plane"),
    build: (order) =>
      buildTarget("data-plane", order, async (workshop) => ({
        deployed: await workshop.plane("data-plane"),
      })),
  },
  controlPlane: {
    name: "control-plane",
    inputs: () => planeHash("control-plane"),
    build: (order) =>
      buildTarget("control-plane", order, async (workshop) => ({
        deployed: await workshop.plane("control-plane"),
      })),
  },
  worker: {
    name: "worker",
    inputs: async () => contentHash([], { also: `${await planeHash("control-plane")} ${engineHash()}` }),
    build: (order) =>
      buildTarget("worker", order, async (workshop) => {
        const pulumi = await workshop.folder("pulumi");
        fillEngineFolder(join(pulumi, "opt/pulumi"));
        return { deployed: await workshop.plane("control-plane"), pulumi };
      }),
  },
  collector,
  valkey,
};

type Target = "data-plane" | "control-plane" | "worker";

/** The product's own Dockerfile, on bases of this machine. */
async function buildTarget(
  target: Target,
  { workshop, name, archive }: Order,
  stages: (workshop: Workshop) => Promise<Readonly<Record<string, string>>>,
): Promise<void> {
  await workshop.buildah.build({
    name,
    dockerfile: DOCKERFILE,
    target,
    args: { BUILD_BASE: await workshop.node(), RUNTIME_BASE: await workshop.base() },
    stages: await stages(workshop),
  });
  await workshop.buildah.save(name, archive, name);
}
