import { createIdFactory } from "../contract/ids.ts";

/** The moment at which all made documents play, in Unix milliseconds: 2026-01-01T00:00:00Z. */
export const TEST_EPOCH_MS = Date.UTC(2026, 0, 1);

let count = 0;

/** An id that no earlier call in this process has given; ids sort in the order of the calls. */
export const makeId = createIdFactory({
  now: () => TEST_EPOCH_MS,
  random(bytes) {
    count += 1;
    for (let index = bytes.length - 1, rest = count; index >= 0; index -= 1) {
      bytes[index] = rest % 32;
      rest = Math.floor(rest / 32);
    }
    return bytes;
  },
});
