import { type ASTNode, Environment } from "@marcbachmann/cel-js";
import fc from "fast-check";
import { expect, test } from "vitest";
import { CONDITION_LIMITS, POLICY_VARIABLES, type PolicyInput } from "../contract/policy-language.ts";
import { createConditionCompiler } from "./compile-condition.ts";
import { type Size, stepsOf } from "./steps-of.ts";

/** The largest that a call can be. */
const LARGEST: PolicyInput = {
  kind: "model",
  request: {
    method: "x".repeat(8),
    path: "p".repeat(128),
    endpoint: "e".repeat(64),
    dialect: "d".repeat(32),
    stream: true,
    max_output_tokens: 2n ** 62n,
  },
  agent: {
    id: "i".repeat(64),
    name: "n".repeat(63),
    labels: {
      team: "t".repeat(64),
      cost_center: "c".repeat(64),
      department: "d".repeat(64),
      environment: "e".repeat(64),
    },
    capabilities: Array.from({ length: 32 }, (_, index) => `${index}`.padEnd(64, "c")),
  },
  model: { name: "m".repeat(128), kind: "k".repeat(16) },
  time: { unix: 2n ** 62n, hour: 23n, weekday: 7n },
};

/** Expressions of every type, with names that loops give; most fit together, and the rest are left out. */
const { bool } = fc.letrec<{ text: string; list: string; int: string; bool: string }>((tie) => ({
  text: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(
      "model.name",
      "agent.name",
      "request.path",
      "agent.labels.team",
      "agent.labels['team']",
      "x",
    ),
    fc.constantFrom(
      "'abc'",
      "''",
      '"0123456789"',
      "string(time.unix)",
      "string(b'abc')",
      "agent.capabilities[3]",
    ),
    fc.tuple(tie("text"), tie("text")).map(([one, other]) => `(${one} + ${other})`),
    fc.tuple(tie("bool"), tie("text"), tie("text")).map(([is, one, other]) => `(${is} ? ${one} : ${other})`),
    tie("list").map((list) => `${list}[0]`),
    fc.tuple(tie("text"), tie("text")).map(([one, other]) => `{${one}: ${other}}[${one}]`),
    fc.tuple(tie("text"), tie("text")).map(([value, text]) => `cel.bind(x, ${value}, ${text} + x)`),
    fc
      .tuple(tie("text"), fc.constantFrom("lowerAscii", "upperAscii", "trim"))
      .map(([text, name]) => `${text}.${name}()`),
    fc.tuple(tie("list"), tie("text")).map(([list, text]) => `${list}.join(${text})`),
    fc.tuple(tie("text")).map(([text]) => `string(bytes(${text}))`),
  ),
  list: fc.oneof(
    { maxDepth: 4 },
    fc.constant("agent.capabilities"),
    fc.array(tie("text"), { minLength: 1, maxLength: 4 }).map((items) => `[${items.join(", ")}]`),
    fc.tuple(tie("list"), tie("list")).map(([one, other]) => `(${one} + ${other})`),
    fc.tuple(tie("list"), tie("text")).map(([list, text]) => `${list}.map(x, ${text})`),
    fc
      .tuple(tie("list"), tie("bool"), tie("text"))
      .map(([list, is, text]) => `${list}.map(x, ${is}, ${text})`),
    fc.tuple(tie("list"), tie("bool")).map(([list, is]) => `${list}.filter(x, ${is})`),
    fc.tuple(tie("text"), tie("text")).map(([text, by]) => `${text}.split(${by})`),
    fc.tuple(tie("bool"), tie("list"), tie("list")).map(([is, one, other]) => `(${is} ? ${one} : ${other})`),
  ),
  int: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom("1", "time.unix", "time.hour", "int('5')"),
    fc.oneof(tie("text"), tie("list")).map((sized) => `size(${sized})`),
    fc
      .tuple(tie("int"), fc.constantFrom("+", "-", "*", "/", "%"), tie("int"))
      .map((parts) => `(${parts.join(" ")})`),
  ),
  bool: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom("true", "request.stream", "has(agent.labels.team)", "type(agent.name) == string"),
    fc
      .tuple(tie("text"), fc.constantFrom("==", "!=", "<"), tie("text"))
      .map((parts) => `(${parts.join(" ")})`),
    fc.tuple(tie("int"), fc.constantFrom("==", ">", "<="), tie("int")).map((parts) => `(${parts.join(" ")})`),
    fc.tuple(tie("text"), tie("list")).map(([text, list]) => `(${text} in ${list})`),
    fc.tuple(tie("list"), tie("list")).map(([one, other]) => `(${one} == ${other})`),
    fc
      .tuple(tie("text"), fc.constantFrom("contains", "startsWith"), tie("text"))
      .map(([text, name, part]) => `${text}.${name}(${part})`),
    fc
      .tuple(tie("list"), fc.constantFrom("all", "exists", "exists_one"), tie("bool"))
      .map(([list, macro, is]) => `${list}.${macro}(x, ${is})`),
    fc.tuple(tie("bool"), fc.constantFrom("&&", "||"), tie("bool")).map((parts) => `(${parts.join(" ")})`),
    tie("bool").map((is) => `!${is}`),
  ),
}));

function createEnvironment(): Environment {
  const environment = new Environment({ unlistedVariablesAreDyn: false });
  for (const name of Object.keys(POLICY_VARIABLES)) environment.registerVariable(name, "map<string, dyn>");
  return environment;
}

type Evaluate = (...parameters: unknown[]) => unknown;

function isPart(value: object): value is { evaluate: Evaluate } {
  return "pos" in value && "evaluate" in value && typeof value.evaluate === "function";
}

/** Counts every evaluation of a part, in whatever the library has made of it. */
function countEvaluations(root: ASTNode): () => number {
  let count = 0;
  const seen = new Set<object>();
  const visit = (value: unknown): void => {
    if (typeof value !== "object" || value === null || seen.has(value)) return;
    seen.add(value);
    for (const inner of Object.values(value)) visit(inner);
    if ("meta" in value) visit(value.meta);
    if (!isPart(value)) return;
    let { evaluate } = value;
    const counted: Evaluate = (...parameters) => {
      count++;
      // The library puts another function in its place at the first call.
      value.evaluate = evaluate;
      try {
        return Reflect.apply(evaluate, value, parameters);
      } finally {
        evaluate = value.evaluate;
        value.evaluate = counted;
      }
    };
    value.evaluate = counted;
  };
  visit(root);
  return () => count;
}

function fits(value: unknown, { length, of }: Size): boolean {
  if (typeof value === "string" || value instanceof Uint8Array) return value.length <= length;
  if (typeof value !== "object" || value === null) return true;
  const inner: unknown[] = Array.isArray(value) ? value : Object.entries(value).flat();
  const count = Array.isArray(value) ? value.length : Object.keys(value).length;
  return count <= length && inner.every((one) => fits(one, of ?? { length: 64, of: undefined }));
}

test("no condition takes more steps than it was said to take, and no value becomes larger", () => {
  const environment = createEnvironment();
  let evaluated = 0;
  fc.assert(
    fc.property(bool, fc.boolean(), (source, inList) => {
      const expression = inList ? `[${source}]` : source;
      let program: ReturnType<Environment["parse"]>;
      try {
        program = environment.parse(expression);
      } catch {
        return;
      }
      if (!program.check().valid) return;
      const { steps, size } = stepsOf(program.ast);
      // What is refused is not run, here as anywhere.
      if (steps > CONDITION_LIMITS.stepsMax) return;
      const count = countEvaluations(program.ast);
      let value: unknown;
      try {
        value = program(LARGEST);
      } catch {
        value = undefined;
      }
      evaluated++;
      expect(count(), expression).toBeLessThanOrEqual(steps);
      expect(fits(value, size), expression).toBe(true);
    }),
    { numRuns: 3_000 },
  );
  expect(evaluated).toBeGreaterThan(300);
});

const list = (length: number) => `[${Array.from({ length }, (_, index) => index).join(",")}]`;
const PATTERN = "[ab]*a[ab]{300}[cd]";

/** Each is small, and would take seconds to years. */
test.each([
  [
    "a pattern within literal lists",
    `${list(60)}.all(a, ${list(60)}.all(b, '${"ab".repeat(300)}'.matches('${PATTERN}')))`,
  ],
  [
    "a pattern over each of a list of texts",
    `agent.capabilities.all(c, (c + c + c + c).matches('${PATTERN}'))`,
  ],
  [
    "loops over literal maps",
    `{${Array.from({ length: 40 }, (_, index) => `${index}:0`).join(",")}}.all(a, ${list(50)}.exists(b, ${list(50)} == ${list(50)}))`,
  ],
  [
    "texts that double",
    `cel.bind(a, ${"model.name + ".repeat(40)}'', cel.bind(b, ${"a + ".repeat(60)}'', b.split('').join(b) == ''))`,
  ],
  ["lists that grow", `cel.bind(a, ${"agent.capabilities + ".repeat(40)}[''], ${"a + ".repeat(40)}a == a)`],
  [
    "a search within a loop",
    `agent.capabilities.exists(a, agent.capabilities.exists(b, (a + a + a + a).contains(b + b + b)))`,
  ],
  ["durations of many digits", `duration('${"1".repeat(1_800)}') == duration('1s')`],
  ["time zones within a loop", `${list(100)}.all(a, timestamp(a).getHours('Europe/Berlin') == 1)`],
  ["errors within loops", `${list(60)}.all(a, ${list(60)}.all(b, {'x': 1}.y == 1))`],
  [
    "texts made of a loop's results",
    `${list(80)}.map(a, model.name).join(model.name + request.path).split('m').all(b, b == '')`,
  ],
  [
    "membership within loops",
    `${list(80)}.all(a, agent.capabilities.all(b, b in agent.capabilities + agent.capabilities))`,
  ],
])("refused for what it could take, with the place: %s", (_, expression) => {
  const compiled = createConditionCompiler()(expression);
  expect(compiled).toMatchObject({ ok: false, error: expect.stringMatching(/steps.*\(line 1, column 1\)$/) });
});

test.each([
  "request.stream",
  'agent.labels.team == "research" && model.name.startsWith("gpt")',
  "agent.capabilities.all(a, agent.capabilities.exists(b, a == b))",
  `agent.capabilities.exists(c, c.matches("^(search|code)-[a-z0-9]+$"))`,
  `model.name.matches("^(${Array.from({ length: 60 }, (_, index) => `model-${index}`).join("|")})$")`,
  `model.name in [${Array.from({ length: 100 }, (_, index) => `'model-${index}'`).join(", ")}]`,
  "time.weekday < 6 && time.hour >= 8 && time.hour < 18",
])("what people write is far within the bound: %s", (expression) => {
  expect(createConditionCompiler()(expression)).toMatchObject({ ok: true });
});

test("each part of a condition is looked at once, however deep it lies", () => {
  // Looked at twice on every level, the innermost would be looked at eight million times.
  const { depthMax } = CONDITION_LIMITS;
  const deep = `${"[".repeat(depthMax - 1)}1${"]".repeat(depthMax - 1)}`;
  const environment = createEnvironment();
  const { ast } = environment.parse(deep);
  let looks = 0;
  let node: ASTNode | undefined = ast;
  while (node?.op === "list") {
    const args: ASTNode[] = node.args;
    Object.defineProperty(node, "args", {
      get: () => {
        looks++;
        return args;
      },
    });
    [node] = args;
  }
  stepsOf(ast);
  expect(looks).toBeLessThan(10 * depthMax);
});

test.each([
  ["many repetitions", "a{1000}".repeat(200)],
  ["repetitions within one another", "(a{30}){30}".repeat(100)],
  ["optional ones", "(?:a?){1000}".repeat(100)],
  ["many classes of Unicode", `(?i)${"\\p{L}".repeat(300)}`],
  ["classes of Unicode within a class", `(?i)[${"\\p{L}".repeat(300)}]`],
])("a pattern that would take long to compile is refused before it is: %s", (_, pattern) => {
  const compiled = createConditionCompiler()(`model.name.matches(r'${pattern}')`);
  expect(compiled).toMatchObject({ ok: false, error: "The pattern is too large (line 1, column 20)" });
});
