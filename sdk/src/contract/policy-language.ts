/**
 * What a rule's condition may speak of (CEL, https://cel.dev). Both planes declare exactly these variables: the
 * control plane to refuse a bad condition when it is saved, the data plane to evaluate it.
 */
export const POLICY_VARIABLES = {
  /** method, path, endpoint, dialect: string; stream: bool; max_output_tokens: int (0 when not given) */
  request: "map<string, dyn>",
  /** id, name: string; labels: map<string, string>; capabilities: list<string> */
  agent: "map<string, dyn>",
  /** name, kind: string */
  model: "map<string, dyn>",
  /** unix: int (seconds); hour: int (0-23, UTC); weekday: int (1 Monday - 7 Sunday, UTC) */
  time: "map<string, dyn>",
} as const;

/** What a condition is evaluated on: the variables of one kind of call. `kind` itself is none of them. */
export type PolicyInput = ModelPolicyInput;

/** What rules see of every call. */
interface CallPolicyInput {
  request: { method: string; path: string; endpoint: string; stream: boolean };
  agent: { id: string; name: string; labels: Record<string, string>; capabilities: string[] };
  time: { unix: bigint; hour: bigint; weekday: bigint };
}

export interface ModelPolicyInput extends CallPolicyInput {
  kind: "model";
  request: CallPolicyInput["request"] & { dialect: string; max_output_tokens: bigint };
  model: { name: string; kind: string };
}

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
  /** `matches()` takes an RE2 pattern as a literal. Instructions of it, compiled, and characters it is run over. */
  patternProgramMax: 1_000,
  matchInputCharsMax: 1_024,
} as const;
