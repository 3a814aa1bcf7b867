/** What data planes of each version have kept of who they are, whose they are, and by what they serve. */
import { CONTRACT } from "@headgate/sdk/contract";
import { nextContract } from "@headgate/sdk/testing";
import { expect, test } from "vitest";
import { createLogger } from "../lib/logger.ts";
import { layOutGoldenState, VERSIONS } from "../testing/golden-state.ts";
import { temporaryDirectory } from "../usage/testing/temporary-directory.ts";
import { loadIdentity } from "./session/identity.ts";
import { loadRegistration } from "./session/registration.ts";
import { createLastGood } from "./snapshot/last-good.ts";
import { verifySnapshot } from "./snapshot/verify-snapshot.ts";

const silent = createLogger(
  () => undefined,
  () => 0,
);

test.each(
  VERSIONS.flatMap((version) => [CONTRACT, nextContract()].map((contract) => ({ version, contract }))),
)(
  "of version $version, under a contract of version $contract.version: it is the same replica, and its policy verifies",
  async ({ version, contract }) => {
    using directory = temporaryDirectory();
    layOutGoldenState(version, directory.path);
    const stateDir = directory.path;
    const identity = await loadIdentity(stateDir, silent);
    expect(identity.isNew).toBe(false);
    const kept = loadRegistration({ stateDir, contract, isNew: false, logger: silent });
    const answer = kept.current();
    expect(answer).toMatchObject({ region: "local" });
    if (answer === undefined) return;
    const snapshot = createLastGood(stateDir, silent).load();
    if (typeof snapshot === "string") throw new Error(snapshot);
    const { tenant_id, data_plane_id, region } = answer;
    const verdict = verifySnapshot(snapshot, {
      owner: { tenant_id, data_plane_id, region },
      trustedKeys: kept.trustedKeysOnDisk(),
      contract,
      appliedRevision: 0,
    });
    expect(verdict).toMatchObject({ outcome: "verified" });
    // Kept anew, in the form of the contract, it is still the same.
    expect(await kept.update(answer)).toBe(true);
    const again = loadRegistration({ stateDir, contract, isNew: false, logger: silent });
    expect(again.current()).toEqual(answer);
  },
);
