import type { UsageEvent, UsageSubject } from "../contract/usage-batch.ts";
import { makeId, TEST_EPOCH_MS } from "./make-id.ts";

/** A settled chat completion of 100 tokens in and 20 out, the first of its stream. */
export function makeUsageEvent(overrides: Partial<UsageEvent> = {}): UsageEvent {
  return {
    seq: 1,
    status: "settled",
    request_id: makeId("request"),
    attempt_id: makeId("attempt"),
    attempt: 1,
    decision_id: makeId("decision"),
    agent_id: makeId("agent"),
    credential: { kind: "api_key", key_id: makeId("key") },
    labels: { team: "search", cost_center: "cc-100", department: "research" },
    subject: makeModelSubject(),
    outcome: "success",
    http_status: 200,
    started_at: TEST_EPOCH_MS,
    duration_ms: 250,
    usage: { input_uncached: 100, output_text: 20, request: 1 },
    accuracy: "reported",
    revision: 1,
    ...overrides,
  };
}

/** A whole answer to a chat, from the first target of its route. */
export function makeModelSubject(overrides: Partial<UsageSubject> = {}): UsageSubject {
  return {
    kind: "model",
    endpoint: "chat_completions",
    stream: false,
    route_id: makeId("route"),
    target_id: makeId("target"),
    provider_id: makeId("provider"),
    vendor: "openai",
    model: "fast",
    upstream_model: "gpt-test",
    ...overrides,
  };
}
