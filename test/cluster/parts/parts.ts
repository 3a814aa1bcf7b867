import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { waitForDirectory } from "@headgate/control-plane/directory-lock";
import { buildBinaries } from "./binaries.ts";
import { CACHE, fillOnce, partsFolder } from "./cache.ts";
import { ensureDebianPackages } from "./debian-packages.ts";
import { copyModuleFiles } from "./module-files.ts";
import { writeStaticImage } from "./static-image.ts";
import { VERSIONS } from "./versions.ts";

export interface Parts {
  /** kube-apiserver, kubectl, kwok and the others. */
  readonly bin: string;
  /** Files of custom resource definitions, in the order of their names. */
  readonly crds: readonly string[];
  /** What kwok's nodes and pods do, for its configuration. */
  readonly kwokStages: readonly string[];
  readonly images: Readonly<Record<PartImage, ImageFile>>;
}

export type PartImage = "pause" | "coredns" | "probe";

export interface ImageFile {
  readonly name: string;
  readonly archive: string;
}

export interface EnsuredParts {
  readonly parts: Parts;
  /** How long the build took; null when everything was in the cache. */
  readonly buildSeconds: number | null;
  /** Debian packages that had to be installed. */
  readonly installed: readonly string[];
}

/** Installs and builds what is missing; a second run does nothing. One process at a time, the others wait for it. */
export async function ensureParts(progress: (line: string) => void): Promise<EnsuredParts> {
  using _held = await waitForDirectory(CACHE, () =>
    progress("another process builds the parts: waiting ..."),
  );
  const installed = await ensureDebianPackages(progress);
  const started = performance.now();
  const built = await fillOnce(partsFolder(), (folder) => fill(folder, progress));
  return {
    parts: cachedParts(),
    buildSeconds: built ? Math.round((performance.now() - started) / 1_000) : null,
    installed,
  };
}

export function partsAreCached(): boolean {
  return existsSync(partsFolder());
}

/** The parts in the cache. Call it only after they have been ensured. */
export function cachedParts(): Parts {
  return partsIn(partsFolder());
}

async function fill(folder: string, progress: (line: string) => void): Promise<void> {
  progress(`building the parts into ${partsFolder()}: 10 to 20 minutes when nothing is cached`);
  const bin = join(folder, "bin");
  await buildBinaries(bin, progress);
  progress("copying custom resource definitions and kwok's stages");
  await copyModuleFiles(folder);
  mkdirSync(join(folder, "images"));
  for (const [program, { name, archive }] of Object.entries(partsIn(folder).images)) {
    progress(`writing the image ${name}`);
    await writeStaticImage({ name, archive, programs: [join(bin, program)] });
  }
}

function partsIn(folder: string): Parts {
  const filesOf = (name: string) =>
    readdirSync(join(folder, name))
      .sort()
      .map((file) => join(folder, name, file));
  const image = (program: PartImage, version: string): ImageFile => ({
    name: `headgate.test/${program}:${version}`,
    archive: join(folder, "images", `${program}.tar`),
  });
  return {
    bin: join(folder, "bin"),
    crds: filesOf("crds"),
    kwokStages: filesOf("kwok"),
    images: {
      pause: image("pause", "1"),
      coredns: image("coredns", VERSIONS.coredns),
      probe: image("probe", "1"),
    },
  };
}
