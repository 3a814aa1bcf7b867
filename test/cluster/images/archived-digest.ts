import { run } from "../parts/run.ts";

/** The digest of the one image in an OCI archive. */
export async function archivedDigest(archive: string): Promise<string> {
  const file = (await run("tar", ["-tf", archive]))
    .split("\n")
    .find((name) => /^(\.\/)?index\.json$/.test(name));
  if (file === undefined) throw new Error(`${archive} is not an OCI archive`);
  const index = JSON.parse(await run("tar", ["-xOf", archive, file])) as {
    readonly manifests: readonly { readonly digest: string }[];
  };
  const [manifest, ...others] = index.manifests;
  if (manifest === undefined || others.length > 0) throw new Error(`${archive} must hold exactly one image`);
  return manifest.digest;
}
