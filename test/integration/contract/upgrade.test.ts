/**
 * An upgrade of a platform to a release whose contract adds required members to snapshots, heartbeats and usage
 * events: both planes are real, on one Postgres, and each is restarted in its turn. The provider is simulated.
 */
import { CONTRACT } from "@headgate/sdk/contract";
import { contractUpTo, nextContract } from "@headgate/sdk/testing";
import { expect, test } from "vitest";
import { type SimulatedProvider, startSimulatedProvider } from "../../doubles/provider/simulated-provider.ts";
import { compareLedgers, NOTHING_WRONG } from "../../harness/compare-ledgers.ts";
import { until } from "../../harness/until.ts";
import { openTwoPlanes, type TwoPlanes } from "./two-planes.ts";

const NEXT = nextContract();

test("the control plane first: the old data plane works under it, then the new one, and each call is in the ledger once", async () => {
  await using provider = await startSimulatedProvider();
  await using planes = await openTwoPlanes(provider, { controlPlane: CONTRACT, dataPlane: CONTRACT });
  await worksAsEver(planes);
  await planes.stopControlPlane();
  // This usage waits on disk for whoever comes.
  await planes.call(4);
  await planes.startControlPlane(NEXT);
  await worksAsEver(planes);
  await planes.stated(CONTRACT.version);
  await planes.startDataPlane(NEXT);
  await worksAsEver(planes);
  await planes.stated(NEXT.version);
  await expectEachCallOnce(planes, provider, 16);
});

test("the data plane first: the new one starts on what the old one left, also alone, and each call is in the ledger once", async () => {
  await using provider = await startSimulatedProvider();
  await using planes = await openTwoPlanes(provider, { controlPlane: CONTRACT, dataPlane: CONTRACT });
  await worksAsEver(planes);
  await planes.stopControlPlane();
  await planes.call(4);
  // It serves from the snapshot that its older self has kept, and later ships the usage.
  await planes.startDataPlane(NEXT);
  await planes.call(4);
  await planes.startControlPlane(CONTRACT);
  await worksAsEver(planes);
  await planes.stated(NEXT.version);
  await planes.startControlPlane(NEXT);
  await worksAsEver(planes);
  await expectEachCallOnce(planes, provider, 20);
});

test("a control plane that goes back a release is told all that a newer data plane has used", async () => {
  await using provider = await startSimulatedProvider();
  await using planes = await openTwoPlanes(provider, { controlPlane: CONTRACT, dataPlane: NEXT });
  await planes.startControlPlane(NEXT);
  await worksAsEver(planes);
  await planes.stopControlPlane();
  await planes.call(4);
  await planes.startControlPlane(CONTRACT);
  await worksAsEver(planes);
  await planes.startControlPlane(NEXT);
  await expectEachCallOnce(planes, provider, 12);
});

test("what planes of version 1 have stored comes through every release to those of today, which go on with it", async () => {
  await using provider = await startSimulatedProvider();
  const first = contractUpTo(1);
  await using planes = await openTwoPlanes(provider, { controlPlane: first, dataPlane: first });
  await worksAsEver(planes);
  for (let version = 2; version <= CONTRACT.version; version += 1) {
    await planes.startControlPlane(contractUpTo(version));
    await planes.startDataPlane(contractUpTo(version));
    // The policy is still as version 1 has written it.
    await planes.call(4);
  }
  await worksAsEver(planes);
  await expectEachCallOnce(planes, provider, 4 * (CONTRACT.version + 1));
});

test.each([CONTRACT, NEXT])(
  "a new data plane finds what an older one has left when it was killed, and ships it to a control plane of version $version, each call once",
  async (controlPlane) => {
    await using provider = await startSimulatedProvider();
    await using planes = await openTwoPlanes(provider, { controlPlane: CONTRACT, dataPlane: CONTRACT });
    await worksAsEver(planes);
    await planes.stopControlPlane();
    await planes.call(4);
    await planes.killDataPlane();
    await planes.startDataPlane(NEXT);
    await planes.call(4);
    await planes.startControlPlane(controlPlane);
    await worksAsEver(planes);
    await expectEachCallOnce(planes, provider, 16, 1);
  },
);

test("a data plane that goes back a release keeps what the newer one has not shipped, which that does when it is back", async () => {
  await using provider = await startSimulatedProvider();
  await using planes = await openTwoPlanes(provider, { controlPlane: NEXT, dataPlane: NEXT });
  await worksAsEver(planes);
  await shipped(planes, 4);
  await planes.stopControlPlane();
  await planes.call(4);
  await planes.killDataPlane();
  await planes.startControlPlane(NEXT);
  // It knows neither the usage nor the policy that it finds, so it joins anew.
  await planes.startDataPlane(CONTRACT);
  await planes.call(4);
  await planes.stopDataPlane();
  expect(await planes.events()).toHaveLength(8);
  await planes.startDataPlane(NEXT);
  await planes.call(4);
  await shipped(planes, 17);
  // Again there is nothing left behind that it could ship.
  await planes.startDataPlane(NEXT);
  await expectEachCallOnce(planes, provider, 16, 1);
});

/** Policy reaches the data plane, and calls are answered. */
async function worksAsEver(planes: TwoPlanes): Promise<void> {
  await planes.changePolicy();
  await planes.call(4);
}

function shipped(planes: TwoPlanes, count: number): Promise<unknown> {
  return until({ what: `${count} events are shipped` }, async () => (await planes.events()).length >= count);
}

async function expectEachCallOnce(
  planes: TwoPlanes,
  provider: SimulatedProvider,
  settled: number,
  unsettled = 0,
): Promise<void> {
  await planes.stopDataPlane();
  const events = await planes.events();
  expect(compareLedgers(provider, events)).toEqual({ ...NOTHING_WRONG, settled, unsettled });
  expect(provider.ledger).toHaveLength(settled + unsettled);
  expect(await planes.callsRated()).toBe(settled + unsettled);
}
