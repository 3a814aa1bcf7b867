import { execFile } from "node:child_process";
import { expect, test } from "vitest";
import { WORKSPACE } from "../../cluster/images/workshop.ts";

test("the built bench finds all that it is made of, and names its contenders to who asks for another", async () => {
  const { code, text } = await new Promise<{ code: unknown; text: string }>((resolve) => {
    const bench = `${WORKSPACE}/test/dist/bench/bench.js`;
    execFile(process.execPath, [bench, "--only", "nobody"], (error, _, stderr) =>
      resolve({ code: error?.code, text: stderr }),
    );
  });
  expect(text).toBe(
    'unknown contender "nobody"; known: direct, passthrough, fastify, headgate, before, portkey\n',
  );
  expect(code).toBe(2);
});
