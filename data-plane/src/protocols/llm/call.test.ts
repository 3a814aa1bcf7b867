import { makePolicySnapshot } from "@headgate/sdk/testing";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { createExpectedOutput } from "../../limits/expected-output.ts";
import { compilePolicy } from "../../policy/compile-policy.ts";
import { DIALECTS } from "./dialects/dialects.ts";
import { createLlm } from "./endpoints.ts";

test("limits and budgets go by one estimate, whatever is learned of such calls between the two", () => {
  const snapshot = makePolicySnapshot();
  const credentials = new Map(snapshot.providers.map(({ id }) => [id, "secret"]));
  const compiled = compilePolicy(snapshot, { pepper: Buffer.alloc(32), credentials }, new Set(["openai"]));
  if (!compiled.ok) throw new Error(compiled.errors.join("; "));
  const { policy } = compiled;
  const [agent] = policy.agents.values();
  const endpoint = createLlm(DIALECTS, new Registry()).endpoints.find(
    ({ name }) => name === "chat_completions",
  );
  if (agent === undefined || endpoint?.kind !== "call") throw new Error("there is nothing to call");
  const outputs = createExpectedOutput();
  const learn = () => {
    for (let sample = 0; sample < 100; sample += 1) outputs.observe(agent.id, "fast", 1);
  };
  const makeCall = () => {
    const call = endpoint.read(Buffer.from('{"model":"fast","messages":[]}'), {});
    if ("code" in call || call.find(policy, agent) !== undefined) throw new Error("the call is refused");
    return call;
  };

  const call = makeCall();
  const held = call.tokensExpected(outputs);
  learn();
  expect(call.estimate(policy, outputs, 0)?.tokensExpected).toBe(held);
  expect(makeCall().tokensExpected(outputs)).toBeLessThan(held);
});
