import { expect, test } from "vitest";
import { imagesFromConfig } from "./images-from-config.ts";

const digest = `sha256:${"0123456789abcdef".repeat(4)}`;

test.each([
  [`registry.example.com:5000/data-plane:1.2.3@${digest}`, "1.2.3"],
  [`registry.example.com:5000/data-plane@${digest}`, "sha256-0123456789ab"],
])("the version of %s is %s", (dataPlaneImage, imageVersion) => {
  const images = imagesFromConfig({ dataPlaneImage, collectorImage: "c" });
  expect(images).toEqual({ image: dataPlaneImage, imageVersion, collectorImage: "c" });
});
