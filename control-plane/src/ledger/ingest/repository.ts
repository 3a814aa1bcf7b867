/** How far each stream has been taken in. */
import type { Id, UsageBatchHeader } from "@headgate/sdk/contract";
import { and, eq, gt, lt, lte } from "drizzle-orm";
import { usageStreams } from "../../db/schema/usage.ts";
import type { TenantTx } from "../../db/tenant-scope.ts";
import type { StreamState } from "./judge-batch.ts";

/** Whose usage it is: from the credential, never from a body. */
export interface UsageOwner {
  readonly tenantId: Id<"tenant">;
  readonly dataPlaneId: Id<"dataPlane">;
  readonly region: string;
}

export async function findStream(tx: TenantTx, streamId: Id<"stream">): Promise<StreamState | undefined> {
  const [row] = await tx
    .select({
      dataPlaneId: usageStreams.data_plane_id,
      writerEpoch: usageStreams.writer_epoch,
      ackedSeq: usageStreams.acked_seq,
      totals: usageStreams.totals,
    })
    .from(usageStreams)
    .where(eq(usageStreams.stream_id, streamId));
  return row;
}

/** How many streams of a data plane began after this moment. */
export async function streamsBegunSince(
  tx: TenantTx,
  { dataPlaneId }: UsageOwner,
  since: number,
): Promise<number> {
  return tx.$count(
    usageStreams,
    and(eq(usageStreams.data_plane_id, dataPlaneId), gt(usageStreams.created_at, since)),
  );
}

/**
 * Moves the watermark from just before the batch to its end, or makes the stream with its first batch. False when
 * another transaction has moved it meanwhile: nothing is changed then.
 */
export async function advanceStream(
  tx: TenantTx,
  owner: UsageOwner,
  header: UsageBatchHeader,
  at: number,
): Promise<boolean> {
  const reached = {
    writer_epoch: header.writer_epoch,
    acked_seq: header.last_seq,
    last_batch_hash: header.sha256,
    totals: header.totals,
  };
  const advanced = await tx
    .update(usageStreams)
    .set(reached)
    .where(
      and(
        eq(usageStreams.stream_id, header.stream_id),
        eq(usageStreams.data_plane_id, owner.dataPlaneId),
        eq(usageStreams.acked_seq, header.first_seq - 1),
        lte(usageStreams.writer_epoch, header.writer_epoch),
      ),
    )
    .returning({ acked_seq: usageStreams.acked_seq });
  if (advanced.length > 0 || header.first_seq !== 1) return advanced.length > 0;
  const made = await tx
    .insert(usageStreams)
    .values({
      tenant_id: owner.tenantId,
      stream_id: header.stream_id,
      data_plane_id: owner.dataPlaneId,
      region: owner.region,
      created_at: at,
      ...reached,
    })
    .onConflictDoNothing()
    .returning({ acked_seq: usageStreams.acked_seq });
  return made.length > 0;
}

/** Fences off the writers before this one, also where it has nothing new to say yet. */
export async function raiseWriterEpoch(tx: TenantTx, header: UsageBatchHeader): Promise<void> {
  await tx
    .update(usageStreams)
    .set({ writer_epoch: header.writer_epoch })
    .where(
      and(eq(usageStreams.stream_id, header.stream_id), lt(usageStreams.writer_epoch, header.writer_epoch)),
    );
}
