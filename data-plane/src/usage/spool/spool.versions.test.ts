/** Spools as data planes of each version have left them, killed with a call in flight. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { CONTRACT, CONTRACT_VERSION } from "@headgate/sdk/contract";
import { expect, it } from "vitest";
import { createBatchEncoder } from "../report/batch.ts";
import { openTestSpool } from "../testing/open-test-spool.ts";
import { temporaryDirectory } from "../testing/temporary-directory.ts";
import { createEventReader } from "./event-reader.ts";

const VERSIONS = Array.from({ length: CONTRACT_VERSION }, (_, index) => index + 1);

/** Lays the spool out as it was left; answers its place. */
function layOut(version: number, directory: string): string {
  const golden = new URL(
    `../../../../sdk/src/contract/golden/v${version}/state-directory.json`,
    import.meta.url,
  );
  const files: Record<string, string> = JSON.parse(readFileSync(golden, "utf8"));
  for (const [name, content] of Object.entries(files)) {
    const path = join(directory, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, Buffer.from(content, "base64"));
  }
  return join(directory, "spool");
}

it.each(VERSIONS)(
  "of version %i: every event is shipped once, in the version that is asked for",
  async (left) => {
    using directory = temporaryDirectory();
    const { spool, faults } = await openTestSpool(layOut(left, directory.path));
    expect(faults).toEqual([]);
    // Three calls had ended; the one in flight is over by now, and what it used is not known.
    expect(spool.headSeq).toBe(4);
    const reader = createEventReader(spool);
    for (const version of VERSIONS) {
      const seen: unknown[] = [];
      for (let seq = 1; seq <= spool.headSeq; ) {
        const slice = reader.read(seq);
        if (slice === undefined) throw new Error(`event ${seq} is missing`);
        const body = await createBatchEncoder(spool)(slice, 1_800_000_000_000, version);
        const [header, ...lines] = gunzipSync(body).toString().trimEnd().split("\n");
        expect(CONTRACT.usageBatch.read(JSON.parse(header ?? ""))).toMatchObject({ ok: true, version });
        for (const line of lines) {
          const event = CONTRACT.usageEvent.read(JSON.parse(line), version);
          expect(event.ok ? [] : event.issues).toEqual([]);
          if (event.ok) seen.push([event.value.seq, event.value.status]);
        }
        seq = slice.lastSeq + 1;
      }
      expect(seen).toEqual([
        [1, "settled"],
        [2, "settled"],
        [3, "settled"],
        [4, "unsettled"],
      ]);
    }
    await spool.close();
  },
);
