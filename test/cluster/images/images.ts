import type { ImageFile } from "../parts/parts.ts";

/** What the suite runs: the product's own images, and what else its pods need. */
export type ImageName = "base" | "toolbox" | "dataPlane" | "controlPlane" | "worker" | "collector" | "valkey";

/** An image in the cache. Its `name` has the tag, which is a hash of what went into the image. */
export interface Image extends ImageFile {
  /** By digest, as a pod names it. */
  readonly ref: string;
  /** Of the manifest: `sha256:...`. */
  readonly digest: string;
  /** Of the archive, about what a registry holds: its layers are compressed. */
  readonly bytes: number;
}

export type Images = Readonly<Record<ImageName, Image>>;

/** `ref` for an image of this name and digest. */
export function refByDigest(name: string, digest: string): string {
  return `${name.replace(/:[^:/]+$/, "")}@${digest}`;
}
