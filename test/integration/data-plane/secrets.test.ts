/** What is secret is nowhere to be found: not in what is printed, not in metrics, not on disk. */
import { mkdtempDisposable, readdir, readFile, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startFakeControlPlane } from "../../doubles/control-plane/fake-control-plane.ts";
import { startSimulatedProvider } from "../../doubles/provider/simulated-provider.ts";
import { chat, message, post } from "../../fixtures/calls.ts";
import { keyOf, makeSimplePolicy } from "../../fixtures/tenant-policy.ts";
import { startDataPlane } from "../../harness/planes.ts";

const CREDENTIAL = "sk-canary-of-the-provider";
const PROMPT = "canary-in-the-prompt";
const UNKNOWN_KEY = "canary-that-is-no-key";
const HEADER = "canary-in-a-header";
const QUERY = "canary-in-the-query";

test("neither keys nor credentials nor prompts nor answers are printed, measured or kept", async () => {
  await using state = await mkdtempDisposable(join(tmpdir(), "headgate-secrets-"));
  await using provider = await startSimulatedProvider({ credentials: { [CREDENTIAL]: "acme" } });
  const policy = makeSimplePolicy(provider.url, {
    providers: [
      { name: "open", url: provider.url, credential: CREDENTIAL },
      { name: "anth", dialect: "anthropic", url: provider.url, credential: CREDENTIAL },
    ],
  });
  await using controlPlane = await startFakeControlPlane({ policy, usage: "keep" });
  const dataPlane = await startDataPlane({
    controlPlaneUrl: controlPlane.url,
    joinToken: controlPlane.joinToken,
    stateDirectory: state.path,
    env: { HEADGATE_TRACES: "console" },
  });
  await dataPlane.ready;
  const agent = { url: dataPlane.url, key: keyOf(policy) };
  const messages = [{ role: "user", content: PROMPT }];
  const headers = { cookie: HEADER, "x-forwarded-for": HEADER };
  provider.script({}, { status: 400 }, { status: 500, html: true }, { resetAfter: 4 }, {});
  const calls = [
    () => chat(agent, { messages }, { headers }),
    () => chat(agent, { messages }),
    () => chat(agent, { messages }),
    () => chat(agent, { messages, stream: true }),
    () => message(agent, { messages }, { headers }),
    () => chat({ ...agent, key: UNKNOWN_KEY }, { messages }),
    () => chat(agent, { messages, model: PROMPT }),
    () => post(agent, `/v1/chat/completions?key=${QUERY}`, { model: 7, messages }),
    () => post(agent, `/v1/${PROMPT}`, { messages }),
  ];
  for (const call of calls) {
    const response = await call();
    expect([...response.headers].join("\n")).not.toContain(CREDENTIAL);
    const text = await response.text().catch(() => "");
    expect(text).not.toContain(CREDENTIAL);
  }
  expect(provider.ledger.length).toBe(5);
  const metrics = await (await fetch(`${dataPlane.adminUrl}/metrics`)).text();
  await dataPlane.process.kill("SIGTERM");

  const printed = await readFile(dataPlane.process.logFile, "utf8");
  const kept = await filesBelow(state.path);
  expect(printed).toContain('"event":"call"');
  expect(printed).toContain('"msg":"span"');
  expect([...kept.keys()].some((path) => path.endsWith(".segment"))).toBe(true);
  const secrets = [
    agent.key,
    agent.key.slice(12),
    CREDENTIAL,
    PROMPT,
    UNKNOWN_KEY,
    HEADER,
    QUERY,
    controlPlane.joinToken,
  ];
  // The simulated answers' words, and what the provider calls its answers.
  for (const secret of [...secrets, "through the gate", "chatcmpl-"]) {
    expect(metrics).not.toContain(secret);
    expect(printed).not.toContain(secret);
    for (const [path, content] of kept) expect(content.includes(secret), `${secret} in ${path}`).toBe(false);
  }
});

/** Contents by path; nothing of it may be read by others than its owner. */
async function filesBelow(directory: string): Promise<Map<string, Buffer>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const contents = new Map<string, Buffer>();
  for (const path of paths) {
    contents.set(path, await readFile(path));
    expect((await stat(path)).mode & 0o077, `others may not open ${path}`).toBe(0);
  }
  return contents;
}
