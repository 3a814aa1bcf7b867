/**
 * What every call is to the pipeline. The stages ask the call that its endpoint has read, and know no protocol by name. A
 * protocol types only what is acted on: the rest of a body passes as it came.
 */
import type { PolicyInput, UsageQuantities, UsageSubject } from "@headgate/sdk/contract";
import type { Attributes } from "@opentelemetry/api";
import type { Clock } from "../lib/clock.ts";
import type { CallEstimate } from "../limits/admission.ts";
import type { OutputEstimator } from "../limits/expected-output.ts";
import type { CompiledAgent } from "../policy/compiled-agent.ts";
import type { CallScope, CompiledPolicy, CompiledRoute, CompiledTarget } from "../policy/compiled-policy.ts";
import type { Refusal } from "../policy/refusal.ts";
import type { AttemptEnd } from "../upstream/dispatch.ts";
import type { StreamProgress, StreamSteps } from "../upstream/streamed-answer.ts";
import type { AttemptResult } from "../usage/usage-recorder.ts";
import type { AnswerReader } from "./answer-reader.ts";
import type { StreamMeter } from "./reading.ts";
import type { ErrorFacts } from "./reply-style.ts";
import type { RequestHead } from "./request-head.ts";

export interface Call extends ToldCall, AnswerReader {
  /** The protocol. */
  readonly kind: string;
  /** Where it came in: a provider is asked with the same method. */
  readonly endpoint: { readonly method: "POST" | "GET" };
  /** Whether the answer is asked for as a stream. */
  readonly stream: boolean;
  /** Where it may go, and what counters are found by; undefined until it was found. */
  readonly route: CompiledRoute | undefined;
  readonly scope: CallScope | undefined;
  /** Finds in the policy what is called. */
  find(policy: CompiledPolicy, agent: CompiledAgent): Refusal | undefined;
  /** What rules are evaluated on. */
  policyInput(agent: CompiledAgent, wallMs: number): PolicyInput;
  /** The tokens that limits hold while it runs; 0 where none are counted. */
  tokensExpected(outputs: OutputEstimator): number;
  /** What budgets hold while it runs; undefined where it costs nothing. */
  estimate(policy: CompiledPolicy, outputs: OutputEstimator, wallMs: number): CallEstimate | undefined;
  /** What such calls usually use, as usage is recorded; undefined where it costs nothing. */
  usageExpected(outputs: OutputEstimator): UsageQuantities | undefined;
  /** What the usage record says was called. */
  subject(target: CompiledTarget): UsageSubject;
  upstreamPath(target: CompiledTarget): string;
  /** Built anew: nothing of the agent's goes along but what its protocol wants. */
  upstreamHeaders(head: RequestHead, target: CompiledTarget): string[];
  upstreamBody(target: CompiledTarget): Buffer;
  /**
   * Whether this refusal is of something that the gateway has added to the body by itself. It is then in the target's
   * body no more, and the target may be asked once again.
   */
  withdraws(target: CompiledTarget, refusal: Buffer): boolean;
  /** The target has answered without it: later calls leave it out from the start. */
  keepWithdrawn(target: CompiledTarget): void;
  /** Reads a provider's stream on its way to the agent; undefined where the answer comes whole. */
  openStream(clock: Clock): OpenStream | undefined;
  /** The last event of a stream that broke off, as text; empty where it has none. */
  streamError(error: ErrorFacts): string;
  /** Puts what an attempt used, and how that is known, into a result that says that nothing was used. */
  meter(result: AttemptResult, seen: AttemptSeen): void;
  /** Nano-dollars; undefined where a price is unknown. */
  cost(policy: CompiledPolicy, target: CompiledTarget, used: UsedAt): bigint | undefined;
  /** Learns from the call's last attempt what such calls use. */
  learn(result: AttemptResult, outputs: OutputEstimator): void;
}

/** What records, spans and metrics tell of a call, in its protocol's words. */
export interface ToldCall {
  /** The name of what is called, from the policy; undefined until it was found. */
  readonly name: string | undefined;
  /** What an attempt asked this target for, by its provider's name. */
  nameAt(target: CompiledTarget): string;
  /** Members of the audit record, as JSON with a comma before each. */
  recordMembers(): string;
  /** The same of an attempt at this target. */
  attemptMembers(target: CompiledTarget): string;
  /** Beside its endpoint's. */
  spanAttributes(): Attributes;
  attemptAttributes(target: CompiledTarget, usage: UsageQuantities): Attributes;
  /** Counts what was used, when the call is over. `firstTokenMs`: until the first content came. */
  count(attempts: readonly CountedAttempt[], firstTokenMs: number | undefined): void;
}

export interface CountedAttempt {
  readonly target: CompiledTarget;
  readonly result: AttemptResult | undefined;
}

/** What stands in a path for the `{name}`s of an endpoint's. */
export type PathParameters = Readonly<Record<string, string>>;

/** The way of a stream's bytes, and what was told by what went by. */
export interface OpenStream extends StreamSteps {
  readonly meter: StreamMeter & StreamProgress;
}

export interface AttemptSeen {
  readonly end: AttemptEnd;
  /** Of a whole answer, where it is JSON. */
  readonly json: unknown;
  /** Whether the provider had the whole request. */
  readonly sent: boolean;
  /** Of a stream. */
  readonly meter: StreamMeter | undefined;
  /** Whether the agent is given the answer. */
  readonly passed: boolean;
}

export interface UsedAt {
  readonly usage: UsageQuantities;
  /** Prices are those of that moment, in Unix milliseconds. */
  readonly wallMs: number;
}
