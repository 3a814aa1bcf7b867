/** Where self-managed state lies: named blobs. Names are those of the real back ends (`.pulumi/stacks/...`). */
export interface BlobStore {
  read(name: string): Promise<string | undefined>;
  /** Replaces the blob as a whole: a reader sees the old one or the new one. */
  write(name: string, content: string): Promise<void>;
  remove(name: string): Promise<void>;
  /** Names that begin with `prefix`, in order. */
  list(prefix: string): Promise<string[]>;
  close(): Promise<void>;
  /** The place as it may be shown: without credentials. */
  readonly url: string;
}
