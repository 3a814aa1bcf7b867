import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { writeStaticImage } from "../parts/static-image.ts";
import { importImage } from "./images.ts";

test.runIf(process.platform === "linux")(
  "an image is put on the node under its digest and under its name, whose port is not taken for a tag",
  async () => {
    const scratch = mkdtempSync(join(tmpdir(), "headgate-images-"));
    try {
      const archive = join(scratch, "image.tar");
      const log = join(scratch, "calls");
      const program = join(scratch, "program");
      writeFileSync(program, "");
      await writeStaticImage({ name: "anything:else", programs: [program], archive });
      // Stands in for `ctr`: keeps its arguments, and how much it was given to read.
      const recorder = join(scratch, "ctr.sh");
      writeFileSync(recorder, `echo "$@ $(cat | wc -c)" >> ${log}\n`);
      const ref = "registry.test:5000/data-plane:1";
      const image = await importImage(["sh", recorder], archive, ref);
      expect(image.byDigest).toMatch(/^registry\.test:5000\/data-plane@sha256:[0-9a-f]{64}$/);
      expect(image).toEqual({ ref, digest: image.byDigest.split("@")[1], byDigest: image.byDigest });
      expect(readFileSync(log, "utf8").trim().split("\n")).toEqual([
        `images import --digests --base-name registry.test:5000/data-plane - ${readFileSync(archive).length}`,
        `images tag --force ${image.byDigest} ${ref} 0`,
      ]);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  },
);
