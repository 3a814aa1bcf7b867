import type { PulumiConfig } from "../../../config.ts";
import type { Images } from "../../../data-planes/releases/image-of.ts";

/** What data planes run until there is a release. The version is the image's tag, or the beginning of its digest. */
export function imagesFromConfig({
  dataPlaneImage: image,
  collectorImage,
}: Pick<PulumiConfig, "dataPlaneImage" | "collectorImage">): Images {
  const [, tag] = /:([A-Za-z0-9][A-Za-z0-9._-]{0,62})@/.exec(image) ?? [];
  const digest = image.slice(image.indexOf("@sha256:") + "@sha256:".length);
  return { image, collectorImage, imageVersion: tag ?? `sha256-${digest.slice(0, 12)}` };
}
