/** Planes of different versions of the contract, in either order, and across an upgrade of either. */
import { CONTRACT, type Contract, DATA_PLANE_API } from "@headgate/sdk/contract";
import { contractUpTo, nextContract } from "@headgate/sdk/testing";
import { expect, test } from "vitest";
import {
  type FakeControlPlane,
  startFakeControlPlane,
} from "../../doubles/control-plane/fake-control-plane.ts";
import type { SeenRequest } from "../../doubles/control-plane/request-log.ts";
import { startLink } from "./link-harness.ts";

const beats = ({ path, status }: SeenRequest) => path === DATA_PLANE_API.heartbeat && status === 200;
const schemaOfBeat = async (fake: FakeControlPlane, from = 0) => (await fake.received(beats, from)).body;

const BEFORE = contractUpTo(CONTRACT.version - 1);

test.each<[string, Contract, Contract, number]>([
  ["an old data plane with a new control plane", CONTRACT, nextContract(), CONTRACT.version],
  ["a new data plane with an old control plane", nextContract(), CONTRACT, CONTRACT.version],
  ["a data plane of the release before with a new control plane", BEFORE, CONTRACT, BEFORE.version],
  ["a new data plane with a control plane of the release before", CONTRACT, BEFORE, BEFORE.version],
])("%s: both speak the newest version that both know", async (_, own, theirs, spoken) => {
  await using fake = await startFakeControlPlane();
  fake.contract = theirs;
  await using harness = await startLink(fake, { contract: own });
  expect(await schemaOfBeat(fake)).toMatchObject({ schema: `headgate.heartbeat/${spoken}` });
  // What it does not know it is told once; after that nothing is sent twice.
  const from = fake.seen.length;
  await harness.timers.fire(5_000);
  await schemaOfBeat(fake, from);
  const sent = fake.seen.slice(from).filter(({ path }) => path === DATA_PLANE_API.heartbeat);
  expect(sent.map(({ status }) => status)).toEqual([200]);
  expect(fake.seen.every(({ reads }) => reads === own.version)).toBe(true);
});

test("when the control plane is upgraded, and when it goes back, the data plane follows with its next words", async () => {
  await using fake = await startFakeControlPlane();
  await using harness = await startLink(fake, { contract: nextContract() });
  await schemaOfBeat(fake);
  for (const contract of [nextContract(), CONTRACT]) {
    fake.contract = contract;
    // The first answer tells of the other version; what was of one that is not known is sent again at once.
    const before = fake.seen.length;
    await harness.timers.fire(5_000);
    await schemaOfBeat(fake, before);
    const from = fake.seen.length;
    await harness.timers.fire(5_000);
    expect(await schemaOfBeat(fake, from)).toMatchObject({
      schema: `headgate.heartbeat/${contract.version}`,
    });
  }
});
