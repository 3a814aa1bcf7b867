import { makeId, makePolicySnapshot } from "@headgate/sdk/testing";
import { expect, test } from "vitest";
import { compilePolicy } from "../../policy/compile-policy.ts";
import { DIALECTS } from "./dialects/dialects.ts";
import { listModels } from "./list-models.ts";

function manyModels(count: number) {
  const { models, routes, ...rest } = makePolicySnapshot();
  const [model] = models;
  const [route] = routes;
  const [target] = route?.targets ?? [];
  if (model === undefined || route === undefined || target === undefined) throw new Error("nothing to copy");
  const copies = Array.from({ length: count }, (_, index) => {
    const id = makeId("model");
    return {
      model: { ...model, id, name: `model-${index}` },
      route: { ...route, id: makeId("route"), model_id: id, targets: [{ ...target, id: makeId("target") }] },
    };
  });
  const rule = (name: string, condition: string) => ({
    id: makeId("rule"),
    name,
    effect: "deny" as const,
    condition,
  });
  const snapshot = {
    ...rest,
    models: copies.map((copy) => copy.model),
    routes: copies.map((copy) => copy.route),
    rules: [
      rule("round", "model.name.endsWith('0') || model.name.endsWith('5')"),
      rule("heavy", "agent.capabilities.exists(c, c.matches('^[a-z]{1,10}-none$'))"),
    ],
  };
  const credentials = new Map(snapshot.providers.map(({ id }) => [id, "secret"]));
  const compiled = compilePolicy(snapshot, { pepper: Buffer.alloc(32), credentials }, new Set(["openai"]));
  if (!compiled.ok) throw new Error(compiled.errors.join("; "));
  const [agent] = compiled.policy.agents.values();
  if (agent === undefined) throw new Error("no agent");
  return { policy: compiled.policy, agent };
}

test("others have their turns while the rules of many models are read for a list", async () => {
  const { policy, agent } = manyModels(100);
  const dialects = new Map(DIALECTS.map((dialect) => [dialect.name, dialect]));
  let turns = 0;
  let listing = true;
  const turn = () => {
    turns++;
    if (listing) setImmediate(turn);
  };
  setImmediate(turn);
  const names = await listModels(policy, dialects, { agent, wallMs: 0 });
  listing = false;
  expect(names).toHaveLength(80);
  expect(names).toEqual([...names].sort());
  // Each model's rules may take more than a fiftieth of what is read at once.
  expect(turns).toBeGreaterThan(2);
});
