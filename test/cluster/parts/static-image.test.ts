import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { run } from "./run.ts";
import { writeStaticImage } from "./static-image.ts";

test.runIf(process.platform === "linux")(
  "the same programs make the same archive, byte by byte, under the name they were given",
  async () => {
    const scratch = mkdtempSync(join(tmpdir(), "headgate-static-image-"));
    try {
      const program = join(scratch, "program");
      writeFileSync(program, "not really one");
      chmodSync(program, 0o755);
      const [first, second] = [join(scratch, "1.tar"), join(scratch, "2.tar")];
      for (const archive of [first, second]) {
        await writeStaticImage({ name: "headgate.test/program:1", programs: [program], archive });
      }
      expect(readFileSync(first).equals(readFileSync(second))).toBe(true);
      const index = JSON.parse(await run("tar", ["-xOf", first, "./index.json"]));
      expect(index.manifests).toMatchObject([
        { annotations: { "org.opencontainers.image.ref.name": "headgate.test/program:1" } },
      ]);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  },
);
