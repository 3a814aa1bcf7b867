/** One file of the spool: a header, then records, only ever added at the end. */
import type { SegmentHeader } from "./record.ts";

export interface Segment {
  readonly name: string;
  readonly path: string;
  /** Of the contract: the form of what stands in it. */
  readonly version: number;
  /** The first event that can stand in it. */
  readonly firstSeq: number;
  /** `firstSeq - 1` while there is none. */
  lastSeq: number;
  /** Whole, valid bytes. */
  bytes: number;
  /** How many of them are known to be on disk. */
  durableBytes: number;
  readonly previous: SegmentHeader["previous"];
}

const NAME = /^(\d{16})-(\d{8})\.segment$/;

/** Segments sort by name: by the number of their first record, then by writer. */
export function segmentName(firstRecord: number, writerEpoch: number): string {
  return `${String(firstRecord).padStart(16, "0")}-${String(writerEpoch).padStart(8, "0")}.segment`;
}

export function parseSegmentName(
  name: string,
): { readonly firstRecord: number; readonly writerEpoch: number } | undefined {
  const match = NAME.exec(name);
  return match === null ? undefined : { firstRecord: Number(match[1]), writerEpoch: Number(match[2]) };
}
