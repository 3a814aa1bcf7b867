import { CommandFailure } from "../command-failure.ts";
import type { BlobStore } from "./blob-store.ts";

export async function openBlobStore(url: string): Promise<BlobStore> {
  if (url.startsWith("file://")) {
    const { FileStore } = await import("./file-store.ts");
    return new FileStore(url);
  }
  if (url.startsWith("postgres://") || url.startsWith("postgresql://")) {
    const { PostgresStore } = await import("./postgres-store.ts");
    return PostgresStore.open(url);
  }
  throw new CommandFailure(
    `the stand-in has no back end for ${url.replace(/:.*/s, "")}:// (file:// and postgres:// only)`,
  );
}
