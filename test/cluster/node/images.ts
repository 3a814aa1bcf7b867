import { run } from "../parts/run.ts";

export interface ImportedImage {
  /** The name it was asked to have. */
  readonly ref: string;
  /** Digest of its manifest. */
  readonly digest: string;
  /** The same image for pods that name it by digest: `repository@sha256:...`. */
  readonly byDigest: string;
}

/**
 * Puts an image out of an OCI archive on the node, under its name and under its digest. The archive must hold one
 * image, or one for this machine's platform.
 */
export async function importImage(
  ctr: readonly string[],
  archive: string,
  ref: string,
): Promise<ImportedImage> {
  const [program = "ctr", ...before] = ctr;
  const digest = await archivedDigest(archive);
  const byDigest = `${repositoryOf(ref)}@${digest}`;
  // Imported under its digest alone, the names in the archive do not matter.
  const importing = ["images", "import", "--digests", "--base-name", repositoryOf(ref), "-"];
  await run(program, [...before, ...importing], { inputFile: archive });
  await run(program, [...before, "images", "tag", "--force", byDigest, ref]);
  return { ref, digest, byDigest };
}

async function archivedDigest(archive: string): Promise<string> {
  const inside = (await run("tar", ["-tf", archive]))
    .split("\n")
    .find((name) => /^(\.\/)?index\.json$/.test(name));
  if (inside === undefined) throw new Error(`${archive} is not an OCI archive`);
  const index = JSON.parse(await run("tar", ["-xOf", archive, inside])) as {
    readonly manifests: readonly { readonly digest: string }[];
  };
  const [manifest, ...others] = index.manifests;
  if (manifest === undefined || others.length > 0) throw new Error(`${archive} must hold exactly one image`);
  return manifest.digest;
}

/** `host:5000/path/name:tag` without its tag. */
function repositoryOf(ref: string): string {
  const tag = ref.lastIndexOf(":");
  return tag > ref.lastIndexOf("/") ? ref.slice(0, tag) : ref;
}
