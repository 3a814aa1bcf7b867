import { run } from "../parts/run.ts";

/** The shared libraries that a program of this machine loads at its start, and the loader, each with the path it asks for. */
export async function librariesOf(
  program: string,
  folders: readonly string[] = [],
): Promise<readonly string[]> {
  const env = { ...process.env, LD_LIBRARY_PATH: folders.join(":") };
  return parseLdd(await run("ldd", [program], { env }));
}

/** Reads what `ldd` prints. Throws when a library is not there. */
export function parseLdd(output: string): readonly string[] {
  return output.split("\n").flatMap((line) => {
    if (line.includes("not found")) throw new Error(`a shared library is missing: ${line.trim()}`);
    const path = /(?:=>\s*)?(\/\S+) \(0x[0-9a-f]+\)/.exec(line)?.[1];
    return path === undefined ? [] : [path];
  });
}
