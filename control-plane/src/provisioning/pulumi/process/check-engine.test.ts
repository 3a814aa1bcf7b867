import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { checkEngine, checkPassphraseFile, ENGINE_VERSION_MIN } from "./check-engine.ts";

test.each(["3.220.0", "v3.220.1", "3.270.0", "4.0.0", "3.221.0-alpha.1"])(
  "version %s will do",
  async (version) => {
    expect(await checkEngine(async () => ({ version }))).toBe(version);
  },
);

test.each<[string, () => Promise<{ version: string | null }>]>([
  ["none", () => Promise.reject(new Error("spawn pulumi ENOENT"))],
  ["an older one", async () => ({ version: "3.219.9" })],
  ["one that does not say what it is", async () => ({ version: null })],
])("where there is %s, it is said what to install", async (_, find) => {
  await expect(checkEngine(find)).rejects.toThrow(
    expect.objectContaining({
      name: "Refusal",
      message: expect.stringContaining(`Pulumi CLI ${ENGINE_VERSION_MIN}`),
    }),
  );
});

test("the file of the passphrase must be there, hold something, and not be open to everybody", async () => {
  const directory = await mkdtemp(join(tmpdir(), "headgate-passphrase-"));
  const path = join(directory, "passphrase");
  await expect(checkPassphraseFile(path)).rejects.toThrow("is not a file");
  await writeFile(path, "");
  await expect(checkPassphraseFile(path)).rejects.toThrow("is empty");
  await writeFile(path, "x");
  await chmod(path, 0o644);
  await expect(checkPassphraseFile(path)).rejects.toThrow("readable by everybody");
  await chmod(path, 0o640);
  await checkPassphraseFile(path);
  await rm(directory, { recursive: true });
});
