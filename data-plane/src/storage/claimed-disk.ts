import { isMissing } from "./claim-file.ts";
import type { Disk } from "./disk.ts";
import type { HeldDirectory } from "./hold-claim.ts";

/** Thrown in place of a write while the claim was not renewed in time. */
export class ClaimNotFreshError extends Error {
  readonly code = "claim_not_fresh";
}

/**
 * A disk that takes no bytes while the directory may be another's. To the spool that is a disk that fails: it keeps
 * what settles and goes on when the claim was renewed, and ends for good when the directory was taken.
 */
export function claimedDisk(disk: Disk, claim: Pick<HeldDirectory, "isFresh">): Disk {
  const requireClaim = (): void => {
    if (!claim.isFresh())
      throw new ClaimNotFreshError("the claim on the state directory was not renewed in time");
  };
  return {
    ...disk,
    open(path, flags) {
      if (flags !== "r") requireClaim();
      return disk.open(path, flags);
    },
    write(fd, bytes, range) {
      requireClaim();
      return disk.write(fd, bytes, range);
    },
    async sync(fd) {
      await disk.sync(fd);
      // It may have taken so long that what was written is not ours to call safe.
      requireClaim();
    },
    rename(from, to) {
      requireClaim();
      disk.rename(from, to);
    },
    remove(path) {
      requireClaim();
      disk.remove(path);
    },
    links(fd) {
      try {
        return disk.links(fd);
      } catch (error) {
        // What another machine has replaced on a shared file system is stale here.
        if (isMissing(error)) return 0;
        throw error;
      }
    },
  };
}
