import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { CONTRACT } from "@headgate/sdk/contract";
import { encodeUsageBatch, makeModelSubject, makeUsageBatch, makeUsageEvent } from "@headgate/sdk/testing";
import { expect, test } from "vitest";
import { openBatch, readUsageBatch, sha256Of } from "./read-usage-batch.ts";

async function refusal(packed: Uint8Array): Promise<string> {
  const reading = await readUsageBatch(packed);
  return reading.ok ? "accepted" : reading.reason;
}

test("a consistent batch is read, and its stored form gives the same lines again", async () => {
  const batch = makeUsageBatch();
  const packed = encodeUsageBatch(batch);
  const reading = await readUsageBatch(packed);
  expect(reading).toMatchObject({ ok: true, batch: { header: batch.header, events: batch.events } });
  const lines = await openBatch(packed);
  expect(sha256Of(lines.map(({ bytes }) => bytes))).toBe(batch.header.sha256);
  expect(lines.map((line) => line.event())).toEqual(batch.events);
});

test("whatever does not fit its header is refused", async () => {
  const refusalOf = (header: Parameters<typeof makeUsageBatch>[0]) =>
    refusal(encodeUsageBatch(makeUsageBatch(header)));
  expect(await refusalOf({ header: { sha256: "0".repeat(64) } })).toMatch(/sha256/);
  expect(await refusalOf({ header: { count: 2 } })).toMatch(/count/);
  expect(await refusalOf({ header: { last_seq: 4 } })).toMatch(/count/);
  expect(await refusalOf({ header: { first_seq: 2, last_seq: 4 } })).toMatch(/seq does not follow/);
  const { header, lines } = makeUsageBatch();
  for (const schema of ["headgate.usage-batch/9", "headgate.heartbeat/1", undefined]) {
    const head = JSON.stringify({ ...header, schema });
    expect(await refusal(gzipSync(`${head}\n${lines}`))).toMatch(/schema/);
  }
});

test("an event outside the schema is refused with its place and without its content", async () => {
  const reason = await refusal(
    encodeUsageBatch(makeUsageBatch({ events: [makeUsageEvent(), makeUsageEvent({ attempt: 99 })] })),
  );
  expect(reason).toMatch(/^event 2 \(seq 2\): attempt: /);
});

test("an unknown dimension is read like any other", async () => {
  const events = [makeUsageEvent({ usage: { brand_new: 3 } })];
  expect(await refusal(encodeUsageBatch(makeUsageBatch({ events })))).toBe("accepted");
});

test("text that the database cannot hold is refused", async () => {
  for (const model of ["a\0b", "\ud800"]) {
    const batch = makeUsageBatch({ events: [makeUsageEvent({ subject: makeModelSubject({ model }) })] });
    expect(await refusal(encodeUsageBatch(batch))).toMatch(/cannot be stored/);
  }
});

test("a line with a byte order mark is refused, since it could not be read again", async () => {
  const { header, events } = makeUsageBatch({ events: [makeUsageEvent()] });
  const line = Buffer.from(`\ufeff${JSON.stringify(events[0])}\n`);
  const head = Buffer.from(
    `${JSON.stringify(CONTRACT.usageBatch.write({ ...header, sha256: sha256Of([line]) }, CONTRACT.version))}\n`,
  );
  expect(await refusal(gzipSync(Buffer.concat([head, line])))).toBe("event 1 (seq 1): not JSON in UTF-8");
});

test("what is not gzip, breaks off, has no lines or a torn last line is refused", async () => {
  const packed = encodeUsageBatch(makeUsageBatch());
  expect(await refusal(Buffer.from("plain"))).toMatch(/not gzip/);
  expect(await refusal(packed.subarray(0, packed.length - 20))).toMatch(/not gzip or breaks off/);
  expect(await refusal(gzipSync(""))).toMatch(/empty/);
  expect(await refusal(gzipSync("{}"))).toMatch(/no line feed/);
  expect(await refusal(gzipSync("{}\n"))).toMatch(/^header/);
  expect(await refusal(gzipSync(Buffer.from([0x22, 0xff, 0x22, 0x0a])))).toMatch(/UTF-8/);
});

test("a small body that would inflate without end is given up early", async () => {
  expect(await refusal(gzipSync(Buffer.alloc(64 * 1024 * 1024)))).toMatch(/larger than allowed/);
});

test("a batch of an older version is lifted, when it comes in and when it is read again", async () => {
  const golden = new URL("../../../../sdk/src/contract/golden/v1/usage-batch.ndjson", import.meta.url);
  const packed = gzipSync(readFileSync(golden));
  const reading = await readUsageBatch(packed);
  if (!reading.ok) throw new Error(reading.reason);
  expect(reading.batch.events[0]).toMatchObject({ subject: { kind: "model", vendor: "openai" } });
  const lines = await openBatch(packed);
  expect(lines.map((line) => line.event())).toEqual(reading.batch.events);
});
