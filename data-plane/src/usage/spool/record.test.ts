import { CONTRACT } from "@headgate/sdk/contract";
import { makeModelSubject } from "@headgate/sdk/testing";
import fc from "fast-check";
import { expect, it } from "vitest";
import { makeAttempt, makeResult } from "../testing/attempts.ts";
import { attemptToJson, eventToJson } from "./event-json.ts";
import {
  appendOpen,
  appendSettle,
  createRecordBuffer,
  nextRecord,
  readAttemptId,
  readCharges,
  readEventBytes,
  readOpened,
  readSeq,
  readStartedAt,
  readUsage,
} from "./record.ts";

it("gives back what was written, whatever text is in it", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 64 }), fc.nat(), (text, tokens) => {
      const buffer = createRecordBuffer(16);
      const attempt = makeAttempt({
        labels: { team: text },
        subject: makeModelSubject({ model: text }),
        started_at: tokens + 1,
      });
      const result = makeResult(tokens, { raw_usage: `{"usage":{"a":1},"${text}":2}` });
      const seq = 2 ** 52;
      const json = eventToJson({ seq, status: "settled" }, attemptToJson(attempt, CONTRACT), result, []);
      const attemptId = attempt.attempt_id;
      const holdJson = JSON.stringify({ charges: [{ key: text, amount: "12" }], usage: {} });
      appendOpen(buffer, { attemptId, json: attemptToJson(attempt, CONTRACT), holdJson });
      const span = appendSettle(buffer, { attemptId, seq, json, charges: [{ key: text, amount: "12" }] });
      const open = nextRecord(buffer.bytes, 0, buffer.length);
      const settle = nextRecord(buffer.bytes, open?.end ?? 0, buffer.length);
      if (open === undefined || settle === undefined) throw new Error("not found");
      const opened = readOpened(buffer.bytes, open);
      expect(JSON.parse(opened.attemptJson)).toEqual(attempt);
      expect(opened.holdJson).toBe(holdJson);
      expect(readAttemptId(buffer.bytes, settle)).toBe(attempt.attempt_id);
      expect(readSeq(buffer.bytes, settle)).toBe(2 ** 52);
      const bytes = readEventBytes(buffer.bytes, settle);
      expect(JSON.parse(bytes.toString("utf8"))).toEqual({ seq, status: "settled", ...attempt, ...result });
      expect(bytes.equals(buffer.bytes.subarray(span.from, span.to))).toBe(true);
      expect(readUsage(bytes)).toEqual(result.usage);
      expect(readStartedAt(bytes)).toBe(tokens + 1);
      expect(readCharges(buffer.bytes, settle)).toEqual([{ key: text, amount: "12" }]);
    }),
  );
});

it("finds no record where a single bit differs, in a hole of zeros, or in what is cut short", () => {
  const buffer = createRecordBuffer();
  const attempt = makeAttempt();
  const json = attemptToJson(attempt, CONTRACT);
  appendOpen(buffer, { attemptId: attempt.attempt_id, json, holdJson: "" });
  const bytes = Buffer.from(buffer.bytes.subarray(0, buffer.length));
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    const byte = bit >> 3;
    bytes.writeUInt8(bytes.readUInt8(byte) ^ (1 << (bit & 7)), byte);
    expect(nextRecord(bytes, 0, bytes.length)).toBeUndefined();
    bytes.writeUInt8(bytes.readUInt8(byte) ^ (1 << (bit & 7)), byte);
  }
  for (let to = 0; to < bytes.length; to += 1) expect(nextRecord(bytes, 0, to)).toBeUndefined();
  expect(nextRecord(Buffer.alloc(64), 0, 64)).toBeUndefined();
  expect(nextRecord(bytes, 0, bytes.length)).toBeDefined();
});
