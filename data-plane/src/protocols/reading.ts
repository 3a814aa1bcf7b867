/** What a protocol reads in answers on their way through. */
import type { UsageQuantities } from "@headgate/sdk/contract";

/** What a provider said was used, in disjoint dimensions. */
export interface UsageReading {
  readonly usage: UsageQuantities;
  /** The provider's own figures contradict each other. */
  readonly inconsistent: boolean;
  /** Of a stream that was going to tell more: what it has said of its output is only how it began. */
  readonly preliminary?: boolean;
  /** What else decides the price, in the provider's words. */
  readonly conditions: Record<string, string> | undefined;
  /** The provider's own usage object as JSON text, for the ledger. */
  readonly raw: string;
}

/** What was told by the part of a stream that went by. */
export interface StreamMeter {
  /** Events that carried generated content. */
  readonly contentEvents: number;
  /** Of the text in them, as it was written. */
  readonly contentBytes: number;
  /** When the first of them came, in monotonic milliseconds. */
  readonly firstContentMono: number | undefined;
  /** What the provider has reported so far. */
  usage(): UsageReading | undefined;
}
