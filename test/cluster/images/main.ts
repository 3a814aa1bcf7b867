/** Builds the images, and nothing else: `node main.ts`. Prints each with its size. */
import { buildImages } from "./build-images.ts";

const { images, built } = await buildImages((line) => console.error(line));
console.error(built.length === 0 ? "images: all cached" : `images: built ${built.join(", ")}`);
console.log(JSON.stringify(images, undefined, 2));
