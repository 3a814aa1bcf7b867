/**
 * What calls usually produce: the 95th percentile of output tokens per agent and model, learned from the calls
 * themselves. Counts stand in buckets that grow by about a fifth; old calls weigh less with time.
 */
import type { Id } from "@headgate/sdk/contract";

const SAMPLES_MIN = 20;
/** At so many samples all counts are halved. */
const SAMPLES_MAX = 1_024;
const BUCKETS_PER_DOUBLING = 4;
/** The last bucket begins beyond ten million tokens. */
const BUCKETS = 96;
const KEYS_MAX = 10_000;

/** What a call is expected to produce. */
export interface OutputEstimator {
  /** The output in tokens that nearly all such calls stay below; `maximum` while too few have been seen. */
  expect(agentId: Id<"agent">, model: string, maximum: number): number;
  /** Learns from a call that ended. */
  observe(agentId: Id<"agent">, model: string, outputTokens: number): void;
}

/** Of more pairs than `keysMax`, those that were used longest ago are forgotten. */
export function createExpectedOutput(keysMax: number = KEYS_MAX): OutputEstimator {
  const histories = new Map<string, History>();

  return {
    observe(agentId, model, outputTokens) {
      const key = `${agentId}:${model}`;
      const history = histories.get(key) ?? { counts: new Uint16Array(BUCKETS), samples: 0 };
      // Written again, the key becomes the youngest of the map.
      histories.delete(key);
      histories.set(key, history);
      if (histories.size > keysMax) {
        const oldest = histories.keys().next();
        if (!oldest.done) histories.delete(oldest.value);
      }
      const bucket = bucketOf(outputTokens);
      history.counts[bucket] = (history.counts[bucket] ?? 0) + 1;
      history.samples += 1;
      if (history.samples >= SAMPLES_MAX) halve(history);
    },
    expect(agentId, model, maximum) {
      const history = histories.get(`${agentId}:${model}`);
      if (history === undefined || history.samples < SAMPLES_MIN) return maximum;
      return Math.min(maximum, percentile95(history));
    },
  };
}

interface History {
  readonly counts: Uint16Array;
  samples: number;
}

/** Bucket `n` holds counts up to `2 ** (n / BUCKETS_PER_DOUBLING)`. */
function bucketOf(tokens: number): number {
  if (tokens <= 1) return 0;
  return Math.min(BUCKETS - 1, Math.ceil(Math.log2(tokens) * BUCKETS_PER_DOUBLING - 1e-9));
}

/** The upper bound of the bucket in which the 95th of a hundred lies. */
function percentile95({ counts, samples }: History): number {
  let left = Math.ceil(samples * 0.95);
  for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
    left -= counts[bucket] ?? 0;
    if (left <= 0) return Math.ceil(2 ** (bucket / BUCKETS_PER_DOUBLING) - 1e-9);
  }
  return Number.MAX_SAFE_INTEGER;
}

function halve(history: History): void {
  history.samples = 0;
  for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
    const half = (history.counts[bucket] ?? 0) >> 1;
    history.counts[bucket] = half;
    history.samples += half;
  }
}
