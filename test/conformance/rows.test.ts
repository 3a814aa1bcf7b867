/** Runs every line of the table on each of its wires and modes, against a provider on real sockets. */
import { afterAll, beforeAll, expect, onTestFailed, test } from "vitest";
import { type Reader, type Seen, startReader } from "./reader.ts";
import { CASES, good, goodText } from "./rows.ts";

let reader: Reader;
beforeAll(async () => {
  reader = await startReader();
});
afterAll(() => reader[Symbol.asyncDispose]());

const named = CASES.map(
  (one) => [one.wire.path, one.stream ? "streamed" : "whole", one.row.what, one] as const,
);

test.each(named)("%s, %s: %s", async (_path, _mode, _what, { row, wire, stream }) => {
  // What it has left of its script, and targets that are left alone, are no matter of the next line.
  onTestFailed(async () => {
    await reader[Symbol.asyncDispose]();
    reader = await startReader();
  });
  const { ends, sends, members = {} } = row;
  const next = good(wire, stream);
  const ask = (model: "two" | "fragile", ...steps: Parameters<Reader["ask"]>[2][]) =>
    reader.ask(wire, { stream, model, members }, ...steps);
  // Leaves a kept connection, and no failure that would count.
  await ask("two", next);

  const steps = sends(wire, stream);
  const calls = reader.provider.calls.length;
  const seen = await ask("two", ...steps, ...(ends.kind === "next" ? [next] : []));
  expect(reader.provider.calls.length).toBe(calls + steps.length + (ends.kind === "next" ? 1 : 0));

  const success = { outcome: "success", accuracy: "reported", usage: wire.usage };
  switch (ends.kind) {
    case "answer":
      expect(seen).toMatchObject({ status: 200, broken: false, record: { outcome: "success" } });
      expect(seen.text).toBe(ends.reads?.(wire) ?? goodText(wire, stream));
      expect(seen.attempts).toMatchObject([success]);
      return;
    case "broken":
      expect(seen).toMatchObject({ status: 200, broken: true, record: { outcome: ends.code } });
      expect(seen.text.startsWith(wire.opening + wire.output)).toBe(true);
      expect(seen.attempts.length).toBe(1);
      expect(seen.attempts[0]?.accuracy).not.toBe("none");
      return;
    case "refusal": {
      expect(seen).toMatchObject({ status: ends.status, broken: false });
      expect(codeOf(seen)).toBe("upstream.request_refused");
      expect(seen.attempts).toMatchObject([{ outcome: "upstream_error", accuracy: "none", usage: {} }]);
      for (let time = 0; time < 3; time += 1) {
        expect((await ask("fragile", ...sends(wire, stream))).status).toBe(ends.status);
      }
      expect((await ask("fragile", next)).status).toBe(200);
      return;
    }
    case "next": {
      expect(seen).toMatchObject({ status: 200, broken: false, text: goodText(wire, stream) });
      expect(seen.attempts).toMatchObject([{ accuracy: ends.charged?.(wire) ?? "none" }, success]);
      const failures = ends.rests === "at once" ? 1 : 2;
      for (let time = 0; time < failures; time += 1) {
        expect(codeOf(await ask("fragile", ...sends(wire, stream)))).toBe(
          typeof ends.code === "string" ? ends.code : ends.code(wire),
        );
      }
      const before = reader.provider.calls.length;
      if (ends.rests === "never") {
        expect((await ask("fragile", next)).status).toBe(200);
        return;
      }
      expect(codeOf(await ask("fragile"))).toBe("upstream.unavailable");
      expect(reader.provider.calls.length).toBe(before);
      // Whatever they wait for is over.
      reader.tenant.advance(61_000);
      expect((await ask("fragile", next)).status).toBe(200);
    }
  }
});

test("every wire has lines in both modes", () => {
  const kinds = new Set(CASES.map(({ wire, stream }) => `${wire.path} ${stream}`));
  expect(kinds.size).toBe(6);
});

function codeOf({ text }: Seen): unknown {
  const { error } = JSON.parse(text) as { error?: { headgate_code?: string } };
  return error?.headgate_code;
}
