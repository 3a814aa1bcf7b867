/** What a call leaves in memory once it is over: little, or every collection of the young generation copies dead calls. */
import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startFakeControlPlane } from "../../doubles/control-plane/fake-control-plane.ts";
import { startSimulatedProvider } from "../../doubles/provider/simulated-provider.ts";
import { chat } from "../../fixtures/calls.ts";
import { keyOf, makeSimplePolicy } from "../../fixtures/tenant-policy.ts";
import { startDataPlane } from "../../harness/planes.ts";

const CALLS = 1_000;
const AGENTS = 8;
/** Above what stays for other reasons; a call that stays with its request, headers and body takes 4 KiB, a stream 12. */
const BYTES_MAX = 2_048;
const PROBE = new URL("../../harness/heap-probe.ts", import.meta.url);

test.each([
  ["a whole answer", {}],
  ["a stream", { stream: true }],
])("a call for %s that is over needs no full collection to be freed", async (_, members) => {
  await using state = await mkdtempDisposable(join(tmpdir(), "headgate-heap-"));
  await using provider = await startSimulatedProvider();
  const policy = makeSimplePolicy(provider.url);
  await using controlPlane = await startFakeControlPlane({ policy, usage: "keep" });
  await using dataPlane = await startDataPlane({
    controlPlaneUrl: controlPlane.url,
    joinToken: controlPlane.joinToken,
    stateDirectory: state.path,
    env: { NODE_OPTIONS: `--expose-gc --import ${PROBE.href}` },
  });
  await dataPlane.ready;
  const { url } = await dataPlane.process.event("heap-probe");
  const oldBytes = async (path: string) => Number(await (await fetch(`${url}${path}`)).text());
  const callMany = async () => {
    let left = CALLS;
    const agent = async () => {
      for (; left > 0; left -= 1) {
        const response = await chat({ url: dataPlane.url, key: keyOf(policy) }, members);
        expect(response.status).toBe(200);
        await response.text();
      }
    };
    await Promise.all(Array.from({ length: AGENTS }, agent));
  };
  // Code and counters of the first calls stay for good.
  await callMany();
  const before = await oldBytes("/full");
  await callMany();
  const perCall = ((await oldBytes("/")) - before) / CALLS;
  expect(perCall).toBeLessThan(BYTES_MAX);
});
