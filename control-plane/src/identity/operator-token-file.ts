import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { Random } from "../lib/make-id.ts";
import { Refusal } from "../lib/refusal.ts";

/** The operator's token in a file of mode 0600, made on first use. Throws when the file can be read by others. */
export async function readOrMakeOperatorToken(path: string, random: Random): Promise<string> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  try {
    await writeFile(path, `hgo_${Buffer.from(random(32)).toString("base64url")}\n`, {
      flag: "wx",
      mode: 0o600,
    });
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  }
  if (((await stat(path)).mode & 0o077) !== 0)
    throw new Refusal(`${path} must be readable by its owner alone (chmod 600).`);
  const token = (await readFile(path, "utf8")).trim();
  if (!/^hgo_[A-Za-z0-9_-]{32,200}$/.test(token))
    throw new Refusal(`${path} does not hold an operator's token; remove it to get a new one.`);
  return token;
}
