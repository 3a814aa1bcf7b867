import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { run } from "../parts/run.ts";
import { fillEngineFolder } from "./engine-folder.ts";

test("the worker's engine runs in a folder of its own, with nothing of the workspace in reach", async () => {
  const folder = mkdtempSync(join(tmpdir(), "headgate-engine-"));
  try {
    fillEngineFolder(folder);
    // Only the machine's own CLI starts without Node.
    const standIn = join(folder, "engine", "main.ts");
    const version = existsSync(standIn)
      ? await run(process.execPath, [standIn, "version"], { cwd: folder })
      : await run(join(folder, "bin", "pulumi"), ["version"], { cwd: folder });
    expect(version).toMatch(/^v\d+\.\d+\.\d+/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
