/**
 * What a worker and the short-lived process that runs the engine say to each other. The job is one line on standard
 * input, since arguments and environments can be read by others; standard input then stays open for as long as the
 * worker lives. Messages are lines of JSON on standard output.
 */
import { tenantSpec } from "@headgate/infra";
import { idOf } from "@headgate/sdk/contract";
import { z } from "zod";

const filePath = z.string().min(1).max(4_096);

export const operationJob = z.strictObject({
  operationId: idOf("operation"),
  stack: z.string().min(1).max(63),
  /**
   * `up` brings the spec about. `preview` says what `up` would do, `drift` the same after a look at what is really
   * there. `drain` ends the replicas and leaves all else; `destroy` removes everything, and the stack with it.
   */
  mode: z.enum(["up", "preview", "drift", "drain", "destroy"]),
  /** The operation before may have left a lock, steps that nobody knows the end of, and objects that are not in the state. */
  recover: z.boolean(),
  /** Looks at what is really there first. */
  refresh: z.boolean(),
  /** Previews first, and refuses what would take a tenant's namespace or volumes away. */
  guard: z.boolean(),
  spec: tenantSpec,
  /** The content of a kubeconfig. Secret. */
  kubeconfig: z.string().min(1).max(200_000),
  /** Where the state is: `file://`, `postgres://`, `s3://` and others. May hold a password. */
  backend: z.string().min(1).max(4_096),
  passphraseFile: filePath,
  /** An empty directory of this operation's own. */
  directory: filePath,
  /** Where the engine's plugins are; the engine's own choice when null. */
  plugins: filePath.nullable(),
});

export type OperationJob = z.infer<typeof operationJob>;

const counts = z.record(z.string().max(64), z.int().nonnegative());

/** Something that the engine did or said, without secrets. */
export const engineMessage = z.strictObject({
  type: z.enum(["started", "step", "diff", "diagnostic", "ended"]),
  payload: z.record(z.string(), z.unknown()),
});

export type EngineMessage = z.infer<typeof engineMessage>;

const change = z.strictObject({ resource: z.string().max(400), change: z.string().max(64) });

/** How it ended, by the word of the process itself. Where there is none, it was cut off. */
export const operationResult = z.strictObject({
  ok: z.boolean(),
  /** Resource changes by kind. */
  changes: counts,
  /** What the preview before announced. */
  planned: counts.nullable(),
  outputs: z.record(z.string(), z.unknown()).nullable(),
  /** What differs from what was brought about, as a look at what is really there found it. */
  drift: z.array(change).max(200).nullable(),
  /** The name of the error class, such as `ConcurrentUpdateError`; null when it went well. */
  errorName: z.string().max(100).nullable(),
  message: z.string().max(2_000),
});

export type OperationResult = z.infer<typeof operationResult>;

export const operationMessage = z.union([
  z.strictObject({ event: engineMessage }),
  z.strictObject({ result: operationResult }),
]);

export type OperationMessage = z.infer<typeof operationMessage>;
