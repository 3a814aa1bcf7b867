/** One call of a model: what it asks for, what was found for it, and how it is forwarded, metered and priced. */
import {
  errorRow,
  type Id,
  type PolicyInput,
  type SnapshotModel,
  type UsageQuantities,
  type UsageSubject,
} from "@headgate/sdk/contract";
import type { Attributes } from "@opentelemetry/api";
import {
  ATTR_GEN_AI_OPERATION_NAME,
  ATTR_GEN_AI_PROVIDER_NAME,
  ATTR_GEN_AI_REQUEST_MODEL,
} from "@opentelemetry/semantic-conventions/incubating";
import type { Clock } from "../../lib/clock.ts";
import { isFilled, member } from "../../lib/json/member.ts";
import type { ScannedJson } from "../../lib/json/scan-json.ts";
import type { CallEstimate } from "../../limits/admission.ts";
import type { OutputEstimator } from "../../limits/expected-output.ts";
import type { CompiledAgent } from "../../policy/compiled-agent.ts";
import type {
  CallScope,
  CompiledModel,
  CompiledPolicy,
  CompiledRoute,
  CompiledTarget,
} from "../../policy/compiled-policy.ts";
import type { Refusal } from "../../policy/refusal.ts";
import type { AttemptResult } from "../../usage/usage-recorder.ts";
import type { ProviderError } from "../answer-reader.ts";
import type { AttemptSeen, Call, CountedAttempt, OpenStream, PathParameters, UsedAt } from "../call.ts";
import type { ErrorFacts } from "../reply-style.ts";
import type { RequestHead } from "../request-head.ts";
import { costOf, priceEstimate, routePrices } from "./cost.ts";
import type { Dialect, ModelEndpoint } from "./dialects/dialect.ts";
import { estimateTokens, type TokenEstimate } from "./estimate-tokens.ts";
import { fillInUsage } from "./metering.ts";
import { type ModelMetrics, usageAttributes } from "./model-telemetry.ts";
import type { Asked } from "./parameters.ts";
import { policyInput } from "./policy-input.ts";
import { readProviderError } from "./provider-error.ts";
import { openEventStream } from "./streams/event-stream.ts";

export interface ReadBody {
  readonly metrics: ModelMetrics;
  readonly body: Buffer;
  readonly scan: ScannedJson;
  readonly pathParameters: PathParameters;
  /** The targets whose providers refuse what the gateway adds by itself. */
  readonly plainTargets: Set<Id<"target">>;
  /** All that are served, by name. */
  readonly dialects: ReadonlyMap<string, Dialect>;
}

/** Beyond it, the target that was first to be remembered is forgotten. */
const PLAIN_TARGETS_MAX = 1_000;

export class LlmCall implements Call, Asked {
  readonly kind = "llm";
  readonly dialect: Dialect;
  readonly endpoint: ModelEndpoint;
  readonly metrics: ModelMetrics;
  readonly body: Buffer;
  readonly scan: ScannedJson;
  readonly pathParameters: PathParameters;
  model = "";
  stream = false;
  usageAsked = false;
  plain = false;
  choices = 1;
  outputTokensMax: number | undefined = undefined;
  /** Found in the policy, as are the route and the scope. */
  served: SnapshotModel | undefined = undefined;
  route: CompiledRoute | undefined = undefined;
  scope: CallScope | undefined = undefined;
  readonly #plainTargets: Set<Id<"target">>;
  readonly #dialects: ReadonlyMap<string, Dialect>;
  /** Of this call alone. */
  #withdrawnFrom: CompiledTarget | undefined = undefined;
  #tokens: TokenEstimate | undefined = undefined;

  constructor(dialect: Dialect, endpoint: ModelEndpoint, read: ReadBody) {
    const { metrics, body, scan, pathParameters, plainTargets, dialects } = read;
    this.dialect = dialect;
    this.endpoint = endpoint;
    this.metrics = metrics;
    this.body = body;
    this.scan = scan;
    this.pathParameters = pathParameters;
    this.#plainTargets = plainTargets;
    this.#dialects = dialects;
  }

  get name(): string | undefined {
    return this.served?.name;
  }

  nameAt({ upstreamModel }: CompiledTarget): string {
    return upstreamModel;
  }

  recordMembers(): string {
    return this.served === undefined ? "" : `,"model":"${this.served.name}"`;
  }

  attemptMembers({ upstreamModel }: CompiledTarget): string {
    return `,"upstream_model":"${upstreamModel}"`;
  }

  spanAttributes(): Attributes {
    return this.served === undefined ? {} : { [ATTR_GEN_AI_REQUEST_MODEL]: this.served.name };
  }

  attemptAttributes({ provider, upstreamModel }: CompiledTarget, usage: UsageQuantities): Attributes {
    return {
      [ATTR_GEN_AI_OPERATION_NAME]: this.endpoint.operation,
      [ATTR_GEN_AI_PROVIDER_NAME]: provider.vendor,
      [ATTR_GEN_AI_REQUEST_MODEL]: upstreamModel,
      ...usageAttributes(usage),
    };
  }

  count(attempts: readonly CountedAttempt[], firstTokenMs: number | undefined): void {
    if (this.served === undefined) return;
    const { name } = this.served;
    const { firstToken, tokens, doubted } = this.metrics;
    if (firstTokenMs !== undefined) firstToken.observe(firstTokenMs / 1_000, this.endpoint.operation, name);
    for (const { result, target } of attempts) {
      if (result === undefined) continue;
      if (result.inconsistent) doubted.add(1, name, target.provider.name);
      for (const dimension in result.usage) {
        tokens.add(result.usage[dimension] ?? 0, name, target.provider.name, dimension, result.accuracy);
      }
    }
  }

  find(policy: CompiledPolicy, agent: CompiledAgent): Refusal | undefined {
    const found = policy.models.get(this.model);
    if (found?.route === undefined) return { code: "model.not_found", parameter: "model" };
    const { model, route } = found;
    if (model.kind !== this.endpoint.modelKind || route.targets[0]?.provider.dialect !== this.dialect.name) {
      const code = "model.wrong_dialect";
      return { code, parameter: "model", message: `${errorRow(code).text} ${this.#servedAt(found)}` };
    }
    this.served = model;
    this.route = route;
    this.scope = { kind: "model", agentId: agent.id, labels: agent.labels, model: model.name };
    return undefined;
  }

  policyInput(agent: CompiledAgent, wallMs: number): PolicyInput {
    return policyInput(this, this.#model(), { agent, wallMs });
  }

  tokensExpected(outputs: OutputEstimator): number {
    if (!this.endpoint.metered) return 0;
    const { inputExpected, outputExpected } = this.#estimate(outputs);
    return inputExpected + outputExpected;
  }

  estimate(policy: CompiledPolicy, outputs: OutputEstimator, wallMs: number): CallEstimate | undefined {
    // Counting tokens costs nothing, so it must not be stopped by a budget.
    if (!this.endpoint.metered || this.route === undefined) return undefined;
    return priceEstimate(this.#estimate(outputs), routePrices(policy, this.route, wallMs));
  }

  usageExpected(outputs: OutputEstimator): UsageQuantities | undefined {
    if (!this.endpoint.metered) return undefined;
    const { inputExpected, outputExpected } = this.#estimate(outputs);
    return { input_uncached: Math.ceil(inputExpected), output_text: Math.ceil(outputExpected) };
  }

  subject({ id, provider, upstreamModel }: CompiledTarget): UsageSubject {
    if (this.route === undefined) throw new Error("a call is recorded after its route was found");
    return {
      kind: "model",
      endpoint: this.endpoint.name,
      stream: this.stream,
      route_id: this.route.id,
      target_id: id,
      provider_id: provider.id,
      vendor: provider.vendor,
      model: this.#model().name,
      upstream_model: upstreamModel,
    };
  }

  upstreamPath({ provider, upstreamModel }: CompiledTarget): string {
    return provider.pathPrefix + this.endpoint.upstreamPath(upstreamModel, this);
  }

  upstreamHeaders(head: RequestHead, { provider }: CompiledTarget): string[] {
    const headers = [
      "content-type",
      "application/json",
      "accept",
      this.stream ? "text/event-stream" : "application/json",
      // Usage is read on the way through, so the answer must not be compressed.
      "accept-encoding",
      "identity",
      "user-agent",
      "headgate",
    ];
    this.dialect.pushUpstreamHeaders(headers, head, provider.credential);
    return headers;
  }

  upstreamBody(target: CompiledTarget): Buffer {
    this.plain = this.#withdrawnFrom === target || this.#plainTargets.has(target.id);
    return this.endpoint.upstreamBody(this, target.upstreamModel);
  }

  withdraws(target: CompiledTarget, refusal: Buffer): boolean {
    const { additions } = this.endpoint;
    if (additions === undefined || this.plain || !this.stream || this.usageAsked) return false;
    if (!additions.some((word) => refusal.includes(word))) return false;
    this.#withdrawnFrom = target;
    return true;
  }

  keepWithdrawn({ id }: CompiledTarget): void {
    const [first] = this.#plainTargets;
    if (first !== undefined && this.#plainTargets.size >= PLAIN_TARGETS_MAX) this.#plainTargets.delete(first);
    this.#plainTargets.add(id);
  }

  isAnswer(json: unknown): boolean {
    const answer = member(json, this.endpoint.answerMember) ?? null;
    return answer !== null && !isFilled(member(json, "error"));
  }

  isOwnError(json: unknown): boolean {
    return this.dialect.isOwnError(json);
  }

  readError(json: unknown): ProviderError {
    return readProviderError(json);
  }

  openStream(clock: Clock): OpenStream | undefined {
    const events = this.endpoint.stream;
    return this.stream && events !== undefined ? openEventStream(events, this, clock) : undefined;
  }

  streamError(error: ErrorFacts): string {
    return this.endpoint.stream?.errorEvent(error, this.dialect.errorBody(error)) ?? "";
  }

  meter(result: AttemptResult, seen: AttemptSeen): void {
    if (this.endpoint.metered)
      fillInUsage(result, seen, { endpoint: this.endpoint, body: this.body, bounds: this.#model() });
  }

  cost(policy: CompiledPolicy, target: CompiledTarget, used: UsedAt): bigint | undefined {
    return costOf(policy, target, used);
  }

  learn({ outcome, accuracy, usage }: AttemptResult, outputs: OutputEstimator): void {
    if (this.scope === undefined || outcome !== "success" || accuracy !== "reported") return;
    const tokens = (usage["output_text"] ?? 0) + (usage["reasoning"] ?? 0);
    outputs.observe(this.scope.agentId, this.#model().name, tokens);
  }

  /** Where such a model can be called. */
  #servedAt({ model, route }: CompiledModel): string {
    const dialect = this.#dialects.get(route?.targets[0]?.provider.dialect ?? "");
    const paths = (dialect?.endpoints ?? []).flatMap((one) =>
      one.method === "POST" && one.metered && one.modelKind === model.kind ? [one.path] : [],
    );
    return paths.length === 0 ? "It is served nowhere." : `It is served at ${paths.join(", ")}.`;
  }

  #estimate(outputs: OutputEstimator): TokenEstimate {
    if (this.scope === undefined) throw new Error("a call is estimated after it is found");
    this.#tokens ??= estimateTokens(this, this.#model(), this.scope.agentId, outputs);
    return this.#tokens;
  }

  #model(): SnapshotModel {
    if (this.served === undefined) throw new Error("the call's model is not found yet");
    return this.served;
  }
}
