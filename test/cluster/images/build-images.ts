import { readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { waitForDirectory } from "@headgate/control-plane/directory-lock";
import { CACHE, fillOnce } from "../parts/cache.ts";
import { archivedDigest } from "./archived-digest.ts";
import { type Image, type ImageName, type Images, refByDigest } from "./images.ts";
import type { Recipe } from "./recipe.ts";
import { RECIPES } from "./recipes.ts";
import { Workshop } from "./workshop.ts";

const FOLDER = join(CACHE, "images");

/** Of each image; what the code of other days made is of no use. */
const VERSIONS_KEPT = 3;

export interface BuiltImages {
  readonly images: Images;
  /** Names of the images that were not in the cache. */
  readonly built: readonly ImageName[];
}

/**
 * Every image of the suite, from the cache where nothing that goes into it has changed. The workspace must be installed
 * and compiled, and buildah, Go and this user's rights those of the suite.
 */
export async function buildImages(progress: (line: string) => void): Promise<BuiltImages> {
  using _held = await waitForDirectory(FOLDER, () =>
    progress("another process builds the images: waiting ..."),
  );
  await using workshop = new Workshop();
  const images: Partial<Record<ImageName, Image>> = {};
  const built: ImageName[] = [];
  for (const [name, recipe] of Object.entries(RECIPES) as [ImageName, Recipe][]) {
    const { image, fresh } = await cached(recipe, workshop, progress);
    images[name] = image;
    if (fresh) built.push(name);
  }
  return { images: images as Images, built };
}

async function cached(recipe: Recipe, workshop: Workshop, progress: (line: string) => void) {
  const tag = await recipe.inputs();
  const name = `headgate.test/${recipe.name}:${tag}`;
  const folder = join(FOLDER, `${recipe.name}-${tag}`);
  const started = performance.now();
  const fresh = await fillOnce(folder, async (temporary) => {
    progress(`building the image ${name} ...`);
    const archive = join(temporary, "image.tar");
    await recipe.build({ workshop, name, archive });
    writeFileSync(join(temporary, "digest"), await archivedDigest(archive));
  });
  if (fresh) progress(`  built in ${Math.round((performance.now() - started) / 1_000)} s`);
  // The order of use is the order in which old ones go.
  utimesSync(folder, new Date(), new Date());
  forgetOld(recipe.name);
  const archive = join(folder, "image.tar");
  const digest = readFileSync(join(folder, "digest"), "utf8");
  const image: Image = {
    name,
    archive,
    digest,
    ref: refByDigest(name, digest),
    bytes: statSync(archive).size,
  };
  return { image, fresh };
}

function forgetOld(name: string): void {
  const folders = readdirSync(FOLDER)
    .filter((entry) => /^[0-9a-f]{16}$/.test(entry.slice(name.length + 1)) && entry.startsWith(`${name}-`))
    .map((entry) => join(FOLDER, entry))
    .sort((one, other) => statSync(other).mtimeMs - statSync(one).mtimeMs);
  for (const folder of folders.slice(VERSIONS_KEPT)) rmSync(folder, { recursive: true, force: true });
}
