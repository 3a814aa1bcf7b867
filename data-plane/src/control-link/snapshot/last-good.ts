/**
 * The last snapshot that was applied, on disk: its bytes, signature and key id exactly as they were received, so that it
 * is verified again before it is trusted, and its secrets stay sealed. One line of JSON, then the bytes.
 */
import { join } from "node:path";
import { z } from "zod";
import type { Logger } from "../../lib/logger.ts";
import { realDisk } from "../../storage/disk.ts";
import {
  DamagedStateError,
  moveAsideAndTell,
  parseState,
  unlessUnread,
  versioned,
  writeStateFile,
} from "../../storage/state-file.ts";
import type { ReceivedSnapshot } from "./verify-snapshot.ts";

export interface LastGood {
  /** Throws what the file system throws. */
  save(snapshot: ReceivedSnapshot): Promise<void>;
  /** `damaged`: there was a file, and it is not whole. It is set aside; so is one of a newer program, which is none. */
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
      const bytes = content.subarray(end + 1);
      let damaged = false;
      const header = unlessUnread(
        () => {
          const read = lastGoodHeader.safeParse(parseState(path, line)).data;
          if (read?.bytes !== bytes.length) throw new DamagedStateError(path);
          return read;
        },
        (error) => {
          damaged = error instanceof DamagedStateError;
          moveAsideAndTell(logger)(error);
        },
      );
      if (header === undefined) return damaged ? "damaged" : "none";
      return { bytes, signature: header.signature, keyId: header.key_id };
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
