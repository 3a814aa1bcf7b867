/**
 * What a rule's condition may speak of (CEL, https://cel.dev). Both planes declare exactly these variables: the
 * control plane to refuse a bad condition when it is saved, the data plane to evaluate it. `docs/rules.md` is written
 * from them.
 */
import { LABEL_NAMES } from "./policy-snapshot.ts";

/** A member of a variable. Lengths are in UTF-16 code units; no call has more. */
export interface PolicyMember {
  readonly type: keyof ValueOf;
  readonly meaning: string;
  /** Of a text, or of each that a list or map holds. */
  readonly lengthMax?: number;
  /** How many a list holds. */
  readonly itemsMax?: number;
  /** The names that a map may hold. */
  readonly names?: readonly string[];
}

/** How the types of CEL come into a condition. */
interface ValueOf {
  string: string;
  bool: boolean;
  int: bigint;
  "map<string, string>": Record<string, string>;
  "list<string>": string[];
}

export const POLICY_VARIABLES = {
  request: {
    method: { type: "string", lengthMax: 8, meaning: "The HTTP method, in capitals." },
    path: { type: "string", lengthMax: 128, meaning: "The endpoint's path, such as `/v1/chat/completions`." },
    endpoint: { type: "string", lengthMax: 64, meaning: "The endpoint's name, such as `chat_completions`." },
    dialect: {
      type: "string",
      lengthMax: 32,
      meaning: "Whose API the endpoint is of: `openai`, `anthropic`.",
    },
    stream: { type: "bool", meaning: "Whether the answer is asked for as a stream." },
    max_output_tokens: {
      type: "int",
      meaning: "The output tokens that the call asks for at most; 0 where it does not say.",
    },
  },
  agent: {
    id: { type: "string", lengthMax: 64, meaning: "The agent's id." },
    name: { type: "string", lengthMax: 63, meaning: "The agent's name." },
    labels: {
      type: "map<string, string>",
      lengthMax: 64,
      names: LABEL_NAMES,
      meaning: "The agent's labels. One that it does not have is absent: `has(agent.labels.team)` tells.",
    },
    capabilities: {
      type: "list<string>",
      itemsMax: 32,
      lengthMax: 64,
      meaning: "What the agent was said to be able to do.",
    },
  },
  model: {
    name: { type: "string", lengthMax: 128, meaning: "The model's name, as agents call it." },
    kind: { type: "string", lengthMax: 16, meaning: "What it is for: `chat`, `embeddings`." },
  },
  time: {
    unix: { type: "int", meaning: "Seconds since 1970, UTC." },
    hour: { type: "int", meaning: "The hour of the day, 0 to 23, UTC." },
    weekday: { type: "int", meaning: "The day of the week, 1 (Monday) to 7 (Sunday), UTC." },
  },
} as const satisfies Record<string, Record<string, PolicyMember>>;

/** What a condition is evaluated on: the variables of one kind of call. `kind` itself is none of them. */
export type PolicyInput = { kind: "model" } & PolicyValues<typeof POLICY_VARIABLES>;

type PolicyValues<Variables extends Record<string, Record<string, PolicyMember>>> = {
  [Name in keyof Variables]: {
    [Member in keyof Variables[Name]]: ValueOf[Variables[Name][Member]["type"]];
  };
};

/** Inputs on which every condition is tried before it is accepted. */
export const POLICY_SAMPLES: readonly PolicyInput[] = [
  {
    kind: "model",
    request: {
      method: "POST",
      path: "/v1/chat/completions",
      endpoint: "chat_completions",
      dialect: "openai",
      stream: false,
      max_output_tokens: 0n,
    },
    agent: { id: "agt_00000000000000000000000000", name: "sample", labels: {}, capabilities: [] },
    model: { name: "sample-model", kind: "chat" },
    time: { unix: 1_767_225_600n, hour: 0n, weekday: 4n },
  },
  {
    kind: "model",
    request: {
      method: "POST",
      path: "/v1/messages",
      endpoint: "messages",
      dialect: "anthropic",
      stream: true,
      max_output_tokens: 4096n,
    },
    agent: {
      id: "agt_00000000000000000000000001",
      name: "sample-two",
      labels: { team: "research", cost_center: "cc-1", department: "r-and-d", environment: "production" },
      capabilities: ["search", "code"],
    },
    model: { name: "sample-model-two", kind: "chat" },
    time: { unix: 1_767_290_399n, hour: 17n, weekday: 5n },
  },
];

export const CONDITION_LIMITS = {
  lengthMax: 2_000,
  depthMax: 24,
  nodesMax: 300,
  /** Comprehension macros within one another, or called on one another's result; `has()` does not count. */
  macroNestingMax: 2,
  /**
   * What evaluating it may take at most, on the largest input that there can be. A step is about 100 ns: a part of the
   * expression read once, or one instruction of a pattern on one character.
   */
  stepsMax: 150_000,
  /** What all rules of a policy together may take for one call. */
  policyStepsMax: 500_000,
  /** `matches()` takes an RE2 pattern as a literal. Instructions of it, compiled, and characters it is run over. */
  patternProgramMax: 1_000,
  matchInputCharsMax: 1_024,
} as const;
