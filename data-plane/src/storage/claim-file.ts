/**
 * The claim on a state directory: a small file in it that its owner rewrites every few seconds. Who watches it learns
 * from its changing, and from nothing else, that the owner is alive: the clocks of two machines are never compared.
 */
import { closeSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { type Id, idOf } from "@headgate/sdk/contract";
import { z } from "zod";
import { parseState, unlessUnread, versioned } from "./state-file.ts";

export const CLAIM_FILE = "claim.json";

const claimSchema = z.strictObject({
  instance_id: idOf("instance"),
  /** Rises with each renewal. */
  renewals: z.number().int().nonnegative(),
  /** `released`: the owner has let go of it, and has ended its writing before. */
  state: z.enum(["held", "released"]),
  /** Of a released one: nothing in its spool waits to be shipped. */
  settled: z.boolean(),
});
export type Claim = z.infer<typeof claimSchema>;

/** Undefined where there is none, or none that is whole. `raw` is compared to tell a change. */
export function readClaim(directory: string): { raw: string; claim: Claim | undefined } | undefined {
  try {
    const raw = readFileSync(join(directory, CLAIM_FILE), "utf8");
    return { raw, claim: parse(raw) };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Puts a claim in place of whatever is there. Only for whoever has just made the directory or moved it. */
export function placeClaim(directory: string, claim: Claim): void {
  const beside = join(directory, `${CLAIM_FILE}.${claim.instance_id}`);
  writeFileSync(beside, text(claim), { mode: 0o600, flush: true });
  renameSync(beside, join(directory, CLAIM_FILE));
}

/**
 * Rewrites the claim in place. False, and nothing is made, where the directory or the claim is not the owner's any
 * more: a directory that was moved away must not come into being again under its old name.
 */
export function renewClaim(directory: string, claim: Claim): boolean {
  let fd: number;
  try {
    fd = openSync(join(directory, CLAIM_FILE), "r+");
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
  try {
    if (parse(readFileSync(fd, "utf8"))?.instance_id !== claim.instance_id) return false;
    writeSync(fd, text(claim), 0);
    return true;
  } finally {
    closeSync(fd);
  }
}

export function newClaim(instanceId: Id<"instance">): Claim {
  return { instance_id: instanceId, renewals: 0, state: "held", settled: false };
}

/** Always the same length, so that it is overwritten whole. */
function text(claim: Claim): string {
  return `${JSON.stringify(versioned(claim)).padEnd(200)}\n`;
}

/** Of one that is not whole, or a newer program's, no more is known than whether it changes. */
function parse(raw: string): Claim | undefined {
  return claimSchema.safeParse(unlessUnread(() => parseState(CLAIM_FILE, raw), leave)).data;
}

function leave(): void {}

export function isMissing(error: unknown): boolean {
  // A directory that another machine has moved away is stale here.
  return error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ESTALE");
}
