import { expect, test } from "vitest";
import { retryAfterMs } from "./retry-after.ts";

const NOW = Date.UTC(1994, 10, 6, 8, 49, 7);

test.each([
  [{ "retry-after": "30" }, 30_000],
  [{ "retry-after": " 1.5 " }, 1_500],
  [{ "retry-after": "99999999999" }, 99_999_999_999_000],
  [{ "retry-after-ms": "1500", "retry-after": "30" }, 1_500],
  [{ "retry-after-ms": "soon", "retry-after": "30" }, 30_000],
  [{ "retry-after": "Sun, 06 Nov 1994 08:49:37 GMT" }, 30_000],
  [{ "retry-after": "Sunday, 06-Nov-94 08:49:37 GMT" }, 30_000],
  [{ "retry-after": "Sun Nov  6 08:49:37 1994" }, 30_000],
  [{ "retry-after": "Sun, 06 Nov 1994 08:49:37 GMT", date: "Sun, 06 Nov 1994 08:49:27 GMT" }, 10_000],
  [{ "retry-after": ["20", "30"] }, 20_000],
  [{ "retry-after": "Sun, 06 Nov 1994 08:49:06 GMT" }, undefined],
  [{ "retry-after": "0" }, undefined],
  [{ "retry-after": "-5" }, undefined],
  [{ "retry-after": "1e9" }, undefined],
  [{ "retry-after": "in a while" }, undefined],
  [{ "retry-after": "" }, undefined],
  [{}, undefined],
])("%j", (headers, ms) => {
  expect(retryAfterMs(headers, NOW)).toBe(ms);
});
