/** How long a provider asks to be left alone. */
import type { ResponseHeaders } from "./dispatch.ts";

/**
 * In milliseconds from `wallMs`: by `retry-after-ms`, else by `retry-after` in seconds or as a date (RFC 9110, section
 * 10.2.3). Undefined where nothing is told that can be read, or where the time is over.
 */
export function retryAfterMs(headers: ResponseHeaders, wallMs: number): number | undefined {
  const milliseconds = readNumber(one(headers["retry-after-ms"]));
  if (milliseconds !== undefined) return positive(milliseconds);
  const value = one(headers["retry-after"]);
  const seconds = readNumber(value);
  if (seconds !== undefined) return positive(seconds * 1_000);
  const until = readDate(value);
  // By the clock that the date was written with, where it is told.
  return until === undefined ? undefined : positive(until - (readDate(one(headers["date"])) ?? wallMs));
}

/** The first of several. */
function one(value: string | string[] | undefined): string | undefined {
  return typeof value === "string" ? value.trim() : value?.[0]?.trim();
}

function readNumber(value: string | undefined): number | undefined {
  return value !== undefined && /^\d+(\.\d+)?$/.test(value) ? Number(value) : undefined;
}

/** In any of the three forms of HTTP, all of which are in GMT. */
const DATE = /^[A-Z][a-z]{2,8},? [\d A-Za-z:-]{10,32}$/;

function readDate(value: string | undefined): number | undefined {
  if (value === undefined || !DATE.test(value)) return undefined;
  const time = Date.parse(value.endsWith("GMT") ? value : `${value} GMT`);
  return Number.isNaN(time) ? undefined : time;
}

function positive(ms: number): number | undefined {
  return ms > 0 ? ms : undefined;
}
