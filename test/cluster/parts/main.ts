/** Installs and builds the parts, and nothing else: `node main.ts`. */
import { ensureParts } from "./parts.ts";

const { parts, buildSeconds } = await ensureParts((line) => console.error(line));
console.error(buildSeconds === null ? "parts: cached" : `parts: built in ${buildSeconds} s`);
console.log(parts.bin);
