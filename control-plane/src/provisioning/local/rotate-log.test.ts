import { mkdtemp, open, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { rotateLog } from "./rotate-log.ts";

test("a full log is moved aside under its writer, who goes on in the emptied file", async () => {
  const directory = await mkdtemp(join(tmpdir(), "headgate-log-"));
  const path = join(directory, "stdout.log");
  const writer = await open(path, "a");
  try {
    await writer.write("12345");
    await rotateLog(path, 5);
    expect(await readFile(path, "utf8")).toBe("12345");
    await writer.write("6");
    await rotateLog(path, 5);
    await writer.write("next");
    expect(await readFile(`${path}.1`, "utf8")).toBe("123456");
    expect(await readFile(path, "utf8")).toBe("next");
  } finally {
    await writer.close();
    await rm(directory, { recursive: true });
  }
});

test("a log that is not there is no fault", async () => {
  await rotateLog(join(tmpdir(), "headgate-no-such-log"), 5);
});
