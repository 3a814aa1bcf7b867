import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { run } from "./run.ts";

export interface StaticImage {
  /** Full name with tag. */
  readonly name: string;
  /** Static programs, put into the root of the image; the first is what it runs. */
  readonly programs: readonly string[];
  /** Where the archive goes. */
  readonly archive: string;
}

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const CONFIG = "application/vnd.oci.image.config.v1+json";
const LAYER = "application/vnd.oci.image.layer.v1.tar";
const REPRODUCIBLE = [
  "--sort=name",
  "--mtime=@0",
  "--owner=0",
  "--group=0",
  "--numeric-owner",
  "--format=ustar",
];

/** An image of nothing but static programs, as an OCI archive: same programs, same bytes. */
export async function writeStaticImage({ name, programs, archive }: StaticImage): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), "headgate-image-"));
  try {
    const root = join(scratch, "root");
    const blobs = join(scratch, "image", "blobs", "sha256");
    mkdirSync(root);
    mkdirSync(blobs, { recursive: true });
    for (const program of programs) copyFileSync(program, join(root, basename(program)));
    const layerFile = join(scratch, "layer.tar");
    await run("tar", ["-C", root, ...REPRODUCIBLE, "-cf", layerFile, "."]);

    const put = (mediaType: string, content: Buffer) => {
      const hex = createHash("sha256").update(content).digest("hex");
      writeFileSync(join(blobs, hex), content);
      return { mediaType, digest: `sha256:${hex}`, size: content.length };
    };
    const json = (value: unknown) => Buffer.from(JSON.stringify(value));
    const platform = { architecture: process.arch === "x64" ? "amd64" : process.arch, os: "linux" };
    const layer = put(LAYER, readFileSync(layerFile));
    const config = put(
      CONFIG,
      json({
        created: "1970-01-01T00:00:00Z",
        ...platform,
        config: { Entrypoint: [`/${basename(programs[0] ?? "")}`], User: "65532:65532" },
        rootfs: { type: "layers", diff_ids: [layer.digest] },
      }),
    );
    const manifest = put(MANIFEST, json({ schemaVersion: 2, mediaType: MANIFEST, config, layers: [layer] }));
    const image = join(scratch, "image");
    writeFileSync(join(image, "oci-layout"), json({ imageLayoutVersion: "1.0.0" }));
    writeFileSync(
      join(image, "index.json"),
      json({
        schemaVersion: 2,
        manifests: [{ ...manifest, platform, annotations: { "org.opencontainers.image.ref.name": name } }],
      }),
    );
    await run("tar", ["-C", image, ...REPRODUCIBLE, "-cf", archive, "."]);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
