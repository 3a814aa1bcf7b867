/**
 * The last snapshot that was applied, on disk: its bytes, signature and key id exactly as they were received, so that it
 * is verified again before it is trusted, and its secrets stay sealed. One line of JSON, then the bytes.
 */
import { join } from "node:path";
import { z } from "zod";
import { readStateFile, writeStateFile } from "../../storage/state-file.ts";
import type { ReceivedSnapshot } from "./verify-snapshot.ts";

export interface LastGood {
  /** Throws what the file system throws. */
  save(snapshot: ReceivedSnapshot): Promise<void>;
  /** `damaged`: there is a file, and it is not whole. */
  load(): Promise<ReceivedSnapshot | "none" | "damaged">;
}

export function createLastGood(stateDir: string): LastGood {
  const path = join(stateDir, "last-good-snapshot");
  return {
    async save({ bytes, signature, keyId }) {
      const header = {
        schema: LAST_GOOD_SCHEMA,
        key_id: keyId,
        signature,
        bytes: bytes.length,
      };
      await writeStateFile(path, Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), bytes]));
    },
    async load() {
      const content = await readStateFile(path);
      if (content === undefined) return "none";
      const end = content.indexOf("\n");
      const header = parseHeader(content.subarray(0, Math.max(end, 0)).toString("utf8"));
      const bytes = content.subarray(end + 1);
      if (header === undefined || bytes.length !== header.bytes) return "damaged";
      return { bytes, signature: header.signature, keyId: header.key_id };
    },
  };
}

const LAST_GOOD_SCHEMA = "headgate.last-good/1";
const lastGoodHeader = z.strictObject({
  schema: z.literal(LAST_GOOD_SCHEMA),
  key_id: z.string(),
  signature: z.string(),
  bytes: z.number().int().nonnegative(),
});

function parseHeader(line: string): z.infer<typeof lastGoodHeader> | undefined {
  try {
    return lastGoodHeader.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}
