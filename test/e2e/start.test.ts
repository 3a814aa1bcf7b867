import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { emptyFolder, type Newcomer, runAsNewcomer } from "./newcomer.ts";

const UP = "Ctrl-C stops everything.";

test("a newcomer's start serves, stops whole on Ctrl-C, and finds its tenant again", async () => {
  await using folder = await emptyFolder();
  let gateway: string;
  {
    await using first = runAsNewcomer("start", folder.path);
    await first.line(UP);
    expect(first.lines.join("\n")).toContain("hg_live_");
    gateway = await gatewayUrl(first);
    expect((await chat(gateway, folder.path)).status).toBe(200);
    first.interrupt();
    expect(await first.exitCode).toBe(0);
  }
  await expect(chat(gateway, folder.path)).rejects.toThrow("fetch failed");

  await using second = runAsNewcomer("start", folder.path);
  await second.line(UP);
  // Keys are shown once.
  expect(second.lines.join("\n")).not.toContain("hg_live_");
  expect((await chat(await gatewayUrl(second), folder.path)).status).toBe(200);
}, 240_000);

async function gatewayUrl(start: Newcomer): Promise<string> {
  const line = await start.line("/v1/chat/completions");
  return /http:\/\/[^/]+/.exec(line)?.[0] ?? "";
}

async function chat(gateway: string, folder: string): Promise<Response> {
  const keys = JSON.parse(await readFile(join(folder, ".headgate", "demo-keys.json"), "utf8"));
  return fetch(`${gateway}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${keys.acme.agents.researcher}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "gpt-sim", messages: [{ role: "user", content: "Hello" }] }),
  });
}
