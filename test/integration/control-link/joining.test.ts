/** How a data plane joins, and how it keeps being let in until it says that it stops. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "@headgate/data-plane/testing";
import { DATA_PLANE_API } from "@headgate/sdk/contract";
import { expect, test } from "vitest";
import {
  type FakeControlPlane,
  startFakeControlPlane,
} from "../../doubles/control-plane/fake-control-plane.ts";
import { countOf, joinAndApply, listening, QUESTION, startLink, verdictOn } from "./link-harness.ts";

test("the join token is spent once and never sent again", async () => {
  await using fake = await startFakeControlPlane();
  await using first = await joinAndApply(fake, 5);
  await using second = await first.restart();
  await fake.received(verdictOn(5, true));
  await second.link.authorisedFetch(QUESTION);
  expect(countOf(fake, DATA_PLANE_API.join)).toBe(1);
});

test("a refused join token is not sent again, and a control plane that is away is tried again", async () => {
  await using fake = await startFakeControlPlane();
  await fake.goAway();
  await using harness = await startLink(fake);
  await harness.timers.fire();
  await fake.comeBack();
  await harness.timers.fire();
  await fake.received(listening);

  await using late = await startLink(fake);
  await fake.received(({ path, status }) => path === DATA_PLANE_API.join && status === 401);
  for (let attempt = 0; attempt < 5; attempt += 1) await late.timers.fire();
  expect(countOf(fake, DATA_PLANE_API.join)).toBe(2);
});

test("a credential that is no longer good is renewed once for all that wait, and the requests go through", async () => {
  await using fake = await startFakeControlPlane();
  await using harness = await joinAndApply(fake, 5);
  fake.expireCredentials();
  const send = () =>
    harness.link.authorisedFetch({ method: "POST", path: DATA_PLANE_API.snapshotAck, body: () => "{}" });
  const answers = await Promise.all([send(), send(), send()]);
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
  expect(countOf(fake, DATA_PLANE_API.credential)).toBe(1);
});

test("a credential that expired while the process was down is renewed by the key alone", async () => {
  await using fake = await startFakeControlPlane();
  fake.credentialLifetimeMs = -3_600_000;
  await using first = await joinAndApply(fake, 5);
  fake.expireCredentials();
  fake.credentialLifetimeMs = 3_600_000;
  await using second = await first.restart();
  await second.timers.fire(0);
  await fake.received(({ path, status }) => path === DATA_PLANE_API.credential && status === 200);
  const answer = await second.link.authorisedFetch(QUESTION);
  expect(answer.status).toBe(200);
});

test("a clock that is two hours off does not keep a credential from being renewed", async () => {
  await using fake = await startFakeControlPlane();
  const clock = { ...systemClock, wallMs: () => Date.now() - 7_200_000 };
  await using harness = await startLink(fake, { clock });
  await fake.received(listening);
  fake.expireCredentials();
  const answer = await harness.link.authorisedFetch(QUESTION);
  expect(answer.status).toBe(200);
  expect(countOf(fake, DATA_PLANE_API.credential)).toBe(1);
});

test("a credential is renewed at half its life", async () => {
  await using fake = await startFakeControlPlane();
  await using harness = await joinAndApply(fake, 5);
  const longest = Math.max(...harness.timers.pending());
  expect(longest).toBeGreaterThan(1_750_000);
  expect(longest).toBeLessThanOrEqual(1_801_000);
  await harness.timers.fire();
  await fake.received(({ path, status }) => path === DATA_PLANE_API.credential && status === 200);
});

/** As on a cluster: the token is read anew each time. */
const startOnCluster = (fake: FakeControlPlane, token: { value: string | undefined }) =>
  startLink(fake, { serviceAccountToken: () => token.value });

test("on a cluster it joins with the pod's token as well, read anew for each attempt, and a refusal is not the end", async () => {
  await using fake = await startFakeControlPlane({ serviceAccountToken: "pod-token" });
  const token = { value: undefined as string | undefined };
  await using harness = await startOnCluster(fake, token);
  await harness.timers.fire();
  expect(countOf(fake, DATA_PLANE_API.join)).toBe(0);
  token.value = "an-older-token";
  await harness.timers.fire();
  await fake.received(({ path, status }) => path === DATA_PLANE_API.join && status === 401);
  const tries = countOf(fake, DATA_PLANE_API.join);
  await harness.timers.fire();
  await harness.timers.due();
  expect(countOf(fake, DATA_PLANE_API.join)).toBe(tries + 1);
  token.value = "pod-token";
  await harness.timers.fire();
  await fake.received(listening);
});

test("a replica that was forgotten joins again by itself, with the same keys, and gets what is sealed to them", async () => {
  await using fake = await startFakeControlPlane({ serviceAccountToken: "pod-token" });
  await using harness = await startOnCluster(fake, { value: "pod-token" });
  await fake.received(listening);
  const [before] = fake.seen.filter(({ path }) => path === DATA_PLANE_API.join);
  const first = fake.replicaId;
  fake.forgetReplicas();
  const from = fake.seen.length;
  await harness.timers.fire(5_000);
  const again = await fake.received(
    ({ path, status }) => path === DATA_PLANE_API.join && status === 200,
    from,
  );
  expect(again.body).toEqual(before?.body);
  expect(fake.replicaId).not.toBe(first);
  fake.serve(await fake.makeSnapshot({ revision: 3 }), "silent");
  await harness.timers.fire();
  await harness.applied(3);
  expect(harness.log.join("\n")).not.toContain("pod-token");
});

test("outside of a cluster a replica that was forgotten does not spend the token that it has no right to", async () => {
  await using fake = await startFakeControlPlane();
  await using harness = await joinAndApply(fake, 5);
  fake.forgetReplicas();
  const from = fake.seen.length;
  await harness.timers.fire();
  await fake.received(({ path, status }) => path === DATA_PLANE_API.credential && status === 401, from);
  expect(countOf(fake, DATA_PLANE_API.join)).toBe(1);
  expect(harness.holder.current()?.revision).toBe(5);
});

test("its last word is that it stopped, and no other heartbeat comes after it", async () => {
  await using fake = await startFakeControlPlane();
  await using harness = await joinAndApply(fake, 5);
  await harness.link.sayStopped();
  const states = fake.seen
    .filter(({ path }) => path === DATA_PLANE_API.heartbeat)
    .map(({ body }) => (body as { state: string }).state);
  expect(states.at(-1)).toBe("stopped");
  expect(states.filter((state) => state === "stopped")).toHaveLength(1);
  expect(harness.timers.pending()).not.toContain(5_000);
  await fake.goAway();
  await harness.link.sayStopped();
});

test("a registration from before there were replicas is that of the data plane's only one", async () => {
  await using fake = await startFakeControlPlane();
  await using first = await joinAndApply(fake, 5);
  const path = join(first.stateDir, "registration.json");
  const { answer, last_good_key } = JSON.parse(await readFile(path, "utf8")) as {
    answer: Record<string, unknown>;
    last_good_key: unknown;
  };
  delete answer["replica_id"];
  await writeFile(path, JSON.stringify({ answer, last_good_key }));
  fake.expireCredentials();
  await using second = await first.restart();
  expect(second.holder.current()?.revision).toBe(5);
  const { body } = await fake.received(({ path: at }) => at === DATA_PLANE_API.credential);
  const [, claims = ""] = (body as { assertion: string }).assertion.split(".");
  expect(JSON.parse(Buffer.from(claims, "base64url").toString())).toMatchObject({
    iss: `rpl_${fake.owner.data_plane_id.slice(4)}`,
  });
});
