/** One language of conditions: whatever the control plane saves, a data plane runs, and what one refuses so does the other. */

import { checkCondition } from "@headgate/control-plane/testing";
import { compileRules } from "@headgate/data-plane/testing";
import fc from "fast-check";
import { expect, test } from "vitest";

const RULE = { id: "rul_00000000000000000000000000", name: "rule", effect: "deny" } as const;

/** What is wrong with the condition, in the words of the plane that refuses it; undefined when it is accepted. */
interface Verdicts {
  readonly controlPlane: string | undefined;
  readonly dataPlane: string | undefined;
}

function ask(condition: string): Verdicts {
  const errors: string[] = [];
  compileRules([{ ...RULE, condition }], errors);
  const [error] = errors;
  const check = checkCondition(condition);
  return {
    controlPlane: check.ok ? undefined : check.error,
    dataPlane: error?.replace(`rule ${RULE.name} (${RULE.id}): `, ""),
  };
}

/** What a data plane refuses is refused when it is saved, in the very same words; more may be refused then. */
function expectAgreement(condition: string): Verdicts {
  const verdicts = ask(condition);
  if (verdicts.dataPlane !== undefined) expect(verdicts.controlPlane, condition).toBe(verdicts.dataPlane);
  return verdicts;
}

test.each([
  "request.stream",
  'model.name.matches("^gpt-[45]")',
  "agent.capabilities.exists(c, c == 'code')",
  "has(agent.labels.team) && agent.labels['team'] in ['a', 'b']",
])("both accept %s", (condition) => {
  expect(expectAgreement(condition)).toEqual({ controlPlane: undefined, dataPlane: undefined });
});

test.each([
  'matches(model.name, "a")',
  'model.name.matchesLinear("a")',
  "model.name.matches(agent.name)",
  'model.name.matches("(a)\\\\1")',
  'model.name.matches("a{1000}")',
  "tenant.id == 'x'",
  "1 + 1",
  "model.name ==",
  "[1].all(a, [1].all(b, [1].all(c, a == b)))",
  "[1, 2].all(a, '".concat("ab".repeat(500), "'.matches('[ab]*a[ab]{300}[cd]'))"),
  "model.name.matches('".concat("a{1000}".repeat(100), "')"),
  "agent.name == 'x' && duration('".concat("1".repeat(1_500), "') == duration('1s')"),
  `true${" || true".repeat(300)}`,
  `${"(".repeat(60)}true${")".repeat(60)}`,
])("both refuse %s in the same words", (condition) => {
  const { controlPlane, dataPlane } = expectAgreement(condition);
  expect(dataPlane).toMatch(/^\S/);
  expect(controlPlane).toBe(dataPlane);
});

const { condition } = fc.letrec<{ text: string; condition: string }>((tie) => ({
  text: fc.oneof(
    fc.constantFrom("model.name", "agent.name", "request.path", "nope.name", "agent.labels.team", "'gpt-4o'"),
    fc.string({ maxLength: 6 }).map((literal) => JSON.stringify(literal)),
  ),
  condition: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constantFrom("request.stream", "true", "time.hour < 18", "model.kind in ['chat']", "1", "half =="),
    fc.tuple(tie("text"), fc.constantFrom("==", "<", "+"), tie("text")).map((parts) => parts.join(" ")),
    fc
      .tuple(tie("text"), fc.constantFrom("matches", "startsWith", "matchesLinear", "nope"), tie("text"))
      .map(([receiver, method, argument]) => `${receiver}.${method}(${argument})`),
    fc.tuple(tie("text"), tie("text")).map(([text, pattern]) => `matches(${text}, ${pattern})`),
    fc
      .tuple(tie("condition"), fc.constantFrom("&&", "||"), tie("condition"))
      .map((parts) => `(${parts.join(" ")})`),
    tie("condition").map((inner) => `!(${inner})`),
    fc
      .tuple(fc.constantFrom("all", "exists", "exists_one"), tie("condition"))
      .map(([macro, inner]) => `agent.capabilities.${macro}(c, ${inner})`),
  ),
}));

test.each([
  "agent.team == 'x'",
  "has(agent.labels.taem)",
  "time.hour == 'late'",
  "agent.name == 'x' && agent.name.lowerAscii() == 'x'",
  "agent.capabilities[7] == 'x'",
])(
  "refused when it is saved, and run by a data plane where an older release has saved it: %s",
  (condition) => {
    const { controlPlane, dataPlane } = expectAgreement(condition);
    expect(controlPlane).toMatch(/\(line 1, column \d+\)$/);
    expect(dataPlane).toBeUndefined();
  },
);

test("both accept and refuse the same of any conditions", () => {
  fc.assert(
    fc.property(condition, (source) => void expectAgreement(source)),
    { numRuns: 300 },
  );
});
