import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { openTestSpool } from "../testing/open-test-spool.ts";
import { readSpool } from "../testing/read-spool.ts";
import { temporaryDirectory } from "../testing/temporary-directory.ts";

const CHILD = fileURLToPath(new URL("../testing/spool-child.ts", import.meta.url));

/** Runs the child, kills it with SIGKILL after so many lines, and answers all that it said. */
async function runAndKill(directory: string, lines: number): Promise<string[]> {
  const child = spawn(process.execPath, [CHILD, directory], { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text;
    if (said.split("\n").length > lines) child.kill("SIGKILL");
  });
  await once(child, "close");
  const whole = said.split("\n");
  // The last line may be cut in the middle.
  whole.pop();
  return whole;
}

it("finds everything that was promised before SIGKILL, each once, in a row of killed processes", async () => {
  using directory = temporaryDirectory();
  const opened = new Set<string>();
  const settled = new Set<string>();
  for (const lines of [2, 40, 150, 700, 301]) {
    for (const line of await runAndKill(directory.path, lines)) {
      const [word, id = ""] = line.split(" ");
      expect(word).not.toBe("fault");
      if (word === "open") opened.add(id);
      if (word === "settled") settled.add(id);
    }
  }
  expect(settled.size).toBeGreaterThan(300);

  const { spool, restored } = await openTestSpool(directory.path);
  const { events, abandoned } = readSpool(directory.path);
  expect(abandoned).toEqual([]);
  expect(events.map((event) => event.seq)).toEqual(events.map((_, index) => index + 1));
  const status = new Map(events.map((event) => [event.attempt_id as string, event.status]));
  expect(status.size).toBe(events.length);
  for (const id of opened) expect(status.has(id)).toBe(true);
  for (const id of settled) expect(status.get(id)).toBe("settled");
  const charged = events.filter((event) => event.status === "settled").length;
  expect(restored.get("budget:bud_x:total:")).toBe(BigInt(charged));
  await spool.close();
});
