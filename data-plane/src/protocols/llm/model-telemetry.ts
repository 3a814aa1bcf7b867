/**
 * What spans and metrics tell of model calls, in OpenTelemetry's GenAI words
 * (https://github.com/open-telemetry/semantic-conventions-genai).
 */
import type { UsageQuantities } from "@headgate/sdk/contract";
import type { Attributes } from "@opentelemetry/api";
import {
  ATTR_GEN_AI_USAGE_CACHE_CREATION_INPUT_TOKENS,
  ATTR_GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS,
  ATTR_GEN_AI_USAGE_INPUT_TOKENS,
  ATTR_GEN_AI_USAGE_OUTPUT_TOKENS,
} from "@opentelemetry/semantic-conventions/incubating";
import type { Registry } from "prom-client";
import {
  type CounterCells,
  counterCells,
  type HistogramCells,
  histogramCells,
} from "../../telemetry/cell-metrics.ts";

const FIRST_TOKEN_BOUNDS = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 15, 20, 30, 45, 60,
];

export interface ModelMetrics {
  readonly firstToken: HistogramCells;
  readonly tokens: CounterCells;
  readonly doubted: CounterCells;
}

export function createModelMetrics(registry: Registry): ModelMetrics {
  return {
    firstToken: histogramCells({
      registry,
      name: "gen_ai_server_time_to_first_token_seconds",
      help: "Time from the request to the first generated content of a stream.",
      labelNames: ["gen_ai_operation_name", "gen_ai_request_model"],
      bounds: FIRST_TOKEN_BOUNDS,
    }),
    tokens: counterCells({
      registry,
      name: "headgate_usage_units_total",
      help: "Units used, in disjoint dimensions: a sum over dimensions counts nothing twice.",
      labelNames: ["model", "provider", "dimension", "accuracy"],
    }),
    doubted: counterCells({
      registry,
      name: "headgate_usage_inconsistent_total",
      help: "Attempts for which a provider reported figures that contradict each other, or that no model can have used.",
      labelNames: ["model", "provider"],
    }),
  };
}

/** OpenTelemetry's figures nest (cached is inside input, reasoning inside output); ours do not. */
export function usageAttributes(usage: UsageQuantities): Attributes {
  const read = usage["cache_read"] ?? 0;
  const written = (usage["cache_write_5m"] ?? 0) + (usage["cache_write_1h"] ?? 0);
  const input =
    (usage["input_uncached"] ?? 0) + read + written + (usage["audio_in"] ?? 0) + (usage["image_in"] ?? 0);
  const output = (usage["output_text"] ?? 0) + (usage["reasoning"] ?? 0) + (usage["audio_out"] ?? 0);
  return {
    ...(input > 0 && { [ATTR_GEN_AI_USAGE_INPUT_TOKENS]: input }),
    ...(output > 0 && { [ATTR_GEN_AI_USAGE_OUTPUT_TOKENS]: output }),
    ...(read > 0 && { [ATTR_GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS]: read }),
    ...(written > 0 && { [ATTR_GEN_AI_USAGE_CACHE_CREATION_INPUT_TOKENS]: written }),
  };
}
