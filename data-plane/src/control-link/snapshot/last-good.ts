/**
 * The last snapshot that was applied, on disk: its bytes, signature and key id exactly as they were received, so that it
 * is verified again before it is trusted, and its secrets stay sealed. One line of JSON, then the bytes.
 */
import { join } from "node:path";
import { z } from "zod";
import type { Logger } from "../../lib/logger.ts";
import { realDisk } from "../../storage/disk.ts";
import {
  moveAsideAndTell,
  parseState,
  unlessNewer,
  versioned,
  writeStateFile,
} from "../../storage/state-file.ts";
import type { ReceivedSnapshot } from "./verify-snapshot.ts";

export interface LastGood {
  /** Throws what the file system throws. */
  save(snapshot: ReceivedSnapshot): Promise<void>;
  /** `damaged`: there is a file, and it is not whole. One of a newer program is set aside, and is none. */
  load(): ReceivedSnapshot | "none" | "damaged";
}

export function createLastGood(stateDir: string, logger: Logger): LastGood {
  const path = join(stateDir, "last-good-snapshot");
  return {
    async save({ bytes, signature, keyId }) {
      const header = versioned({ key_id: keyId, signature, bytes: bytes.length });
      await writeStateFile(path, Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), bytes]));
    },
    load() {
      const content = realDisk.read(path);
      if (content === undefined) return "none";
      const end = content.indexOf("\n");
      const line = content.subarray(0, Math.max(end, 0)).toString("utf8");
      const read = unlessNewer(
        () => lastGoodHeader.safeParse(parseState(path, line)),
        moveAsideAndTell(logger),
      );
      if (read === undefined) return "none";
      const bytes = content.subarray(end + 1);
      if (read.data?.bytes !== bytes.length) return "damaged";
      return { bytes, signature: read.data.signature, keyId: read.data.key_id };
    },
  };
}

const lastGoodHeader = z.strictObject({
  /** Of those that state no version. */
  schema: z.literal("headgate.last-good/1").optional(),
  key_id: z.string(),
  signature: z.string(),
  bytes: z.number().int().nonnegative(),
});
