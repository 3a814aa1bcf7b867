import { expect, test } from "vitest";
import { createLogger } from "./logger.ts";

function logged(write: (logger: ReturnType<typeof createLogger>) => void): Record<string, unknown> {
  const lines: string[] = [];
  write(
    createLogger(
      (line) => lines.push(line),
      () => 1_234,
    ),
  );
  expect(lines).toHaveLength(1);
  return JSON.parse(lines[0] ?? "");
}

test("a line says who speaks, when by the given clock, how grave it is, and what happened", () => {
  expect(logged((log) => log.warn({ revision: 7 }, "a revision was refused"))).toEqual({
    level: 40,
    time: 1_234,
    service: "data-plane",
    revision: 7,
    msg: "a revision was refused",
  });
});

test("an error is written by name, message and stack, and nothing else that it carries", () => {
  const err = Object.assign(new TypeError("no answer"), { headers: { "x-api-key": "sk-1" } });
  const line = logged((log) => log.error({ err }, "a stage failed"));
  expect(line["err"]).toEqual({ type: "TypeError", message: "no answer", stack: err.stack });
});

test("what bears the name of a secret is taken out, also inside of what is logged", () => {
  const line = logged((log) => log.info({ token: "a", request: { authorization: "b" } }, "sent"));
  expect(line).toMatchObject({ token: "[redacted]", request: { authorization: "[redacted]" } });
});
