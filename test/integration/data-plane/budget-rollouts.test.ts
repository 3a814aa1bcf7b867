/** What was spent stays spent when the disk that counted it is gone. */
import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startFakeControlPlane } from "../../doubles/control-plane/fake-control-plane.ts";
import { startSimulatedProvider } from "../../doubles/provider/simulated-provider.ts";
import { chat } from "../../fixtures/calls.ts";
import { keyOf, makeBudget, makeSimplePolicy } from "../../fixtures/tenant-policy.ts";
import { startDataPlane } from "../../harness/planes.ts";

const MAX = 600;

test("pods without their predecessors' disks spend one budget together, and not one each", async () => {
  await using stack = new AsyncDisposableStack();
  const state = stack.use(await mkdtempDisposable(join(tmpdir(), "headgate-rollouts-")));
  const provider = stack.use(await startSimulatedProvider());
  const policy = makeSimplePolicy(provider.url, { budgets: [makeBudget({ max: String(MAX) })] });
  const serviceAccountToken = "pod-token";
  const tokenFile = join(state.path, "token");
  await writeFile(tokenFile, serviceAccountToken);
  const controlPlane = stack.use(await startFakeControlPlane({ policy, usage: "keep", serviceAccountToken }));
  const env = { HEADGATE_SERVICE_ACCOUNT_TOKEN_FILE: tokenFile };
  const { url: controlPlaneUrl, joinToken } = controlPlane;
  let spent = 0;
  for (const pod of ["a", "b", "c"]) {
    const stateDirectory = join(state.path, pod);
    await using plane = await startDataPlane({ controlPlaneUrl, joinToken, stateDirectory, env });
    await plane.ready;
    const call = () => chat({ url: plane.url, key: keyOf(policy) }, { max_tokens: 200 });
    let answer = await call();
    for (; answer.status === 200 && spent < MAX * 2; answer = await call()) {
      const { usage } = (await answer.json()) as { readonly usage: { readonly total_tokens: number } };
      spent += usage.total_tokens;
    }
    expect(await answer.json()).toMatchObject({
      error: { headgate_code: "budget.exhausted", facts: { spent: String(spent), limit: String(MAX) } },
    });
  }
  expect(spent).toBeLessThanOrEqual(MAX);
});
