/** What a data plane keeps on disk of its link, and what it makes of it when it starts again. */
import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeSigningKey, TEST_CREDENTIAL, TEST_PEPPER } from "@headgate/data-plane/testing";
import { expect, test } from "vitest";
import { startFakeControlPlane } from "../../doubles/control-plane/fake-control-plane.ts";
import { joinAndApply, policyOf, QUESTION, startLink, verdictOn } from "./link-harness.ts";

test("started again with the control plane away, it serves its last good revision", async () => {
  await using fake = await startFakeControlPlane();
  await using first = await joinAndApply(fake, 5);
  await fake.goAway();
  await using second = await first.restart();
  expect(second.holder.current()).toMatchObject({ ...policyOf(fake.owner), revision: 5 });

  await fake.comeBack();
  fake.serve(await fake.makeSnapshot({ revision: 6 }), "silent");
  await second.timers.fire(30_000);
  await second.applied(6);
});

test("with no snapshot at all nothing is in force", async () => {
  await using fake = await startFakeControlPlane();
  await fake.goAway();
  await using harness = await startLink(fake);
  expect(harness.holder.current()).toBeUndefined();
  await expect(harness.link.authorisedFetch(QUESTION)).rejects.toMatchObject({
    code: "not_joined",
  });
});

test("a last good file that is cut off or changed is refused and counted, and the next snapshot mends it", async () => {
  await using fake = await startFakeControlPlane();
  await using first = await joinAndApply(fake, 5);
  await first.link.stop();
  const path = join(first.stateDir, "last-good-snapshot");
  const whole = await readFile(path);
  await fake.goAway();
  const changed = Buffer.from(whole);
  changed[whole.length - 20] = (changed[whole.length - 20] ?? 0) ^ 1;
  const lengths = Array.from({ length: 12 }, (_, step) => Math.floor((whole.length * step) / 12));
  for (const content of [...lengths.map((length) => whole.subarray(0, length)), changed]) {
    await writeFile(path, content);
    const harness = await startLink(fake, { stateDir: first.stateDir });
    expect(harness.holder.current()).toBeUndefined();
    const { holder } = harness;
    expect((holder.rejections().get("damaged") ?? 0) + (holder.rejections().get("signature") ?? 0)).toBe(1);
    await harness.link.stop();
  }
  await fake.comeBack();
  await using mended = await startLink(fake, { stateDir: first.stateDir });
  await mended.applied(5);
});

test("a last good file of a newer program is not used, and the next snapshot takes its place", async () => {
  await using fake = await startFakeControlPlane();
  await using first = await joinAndApply(fake, 5);
  await first.link.stop();
  const path = join(first.stateDir, "last-good-snapshot");
  await writeFile(path, (await readFile(path, "latin1")).replace('"version":1', '"version":2'), "latin1");
  await fake.goAway();
  await using harness = await startLink(fake, { stateDir: first.stateDir });
  expect(harness.holder.current()).toBeUndefined();
  await fake.comeBack();
  await harness.applied(5);
});

test("another data plane's last good file is refused", async () => {
  await using fake = await startFakeControlPlane();
  await using other = await startFakeControlPlane();
  await using mine = await joinAndApply(fake, 5);
  await using theirs = await joinAndApply(other, 9);
  await mine.link.stop();
  const stolen = await readFile(join(theirs.stateDir, "last-good-snapshot"));
  await writeFile(join(mine.stateDir, "last-good-snapshot"), stolen);
  await fake.goAway();
  await using harness = await startLink(fake, { stateDir: mine.stateDir });
  expect(harness.holder.current()).toBeUndefined();
  expect(harness.holder.rejections().get("unknown_key")).toBe(1);
});

test("what could not be kept at first is kept later, and only then answered", async () => {
  await using fake = await startFakeControlPlane();
  await using harness = await joinAndApply(fake, 5);
  const path = join(harness.stateDir, "last-good-snapshot");
  await rm(path);
  await mkdir(path);
  fake.serve(await fake.makeSnapshot({ revision: 6 }));
  await harness.applied(6);
  await harness.timers.due(1_000);
  expect(fake.seen.some(verdictOn(6, true))).toBe(false);
  await rm(path, { recursive: true });
  await harness.timers.fire(1_000);
  await fake.received(verdictOn(6, true));
  expect((await readFile(path, "latin1")).includes('"revision":6')).toBe(true);
});

test("the last good revision outlives the retirement of the key that signed it", async () => {
  await using fake = await startFakeControlPlane();
  await using first = await joinAndApply(fake, 5);
  fake.trusted = [makeSigningKey()];
  fake.expireCredentials();
  await first.link.authorisedFetch(QUESTION);
  await fake.goAway();
  await using second = await first.restart();
  expect(second.holder.current()?.revision).toBe(5);
});

test("no secret is on disk in clear but the keys themselves, and every file is the owner's alone", async () => {
  await using fake = await startFakeControlPlane();
  await using harness = await joinAndApply(fake, 5);
  await harness.link.stop();
  const names = await readdir(harness.stateDir);
  expect(names.toSorted()).toEqual(["identity.json", "last-good-snapshot", "registration.json"]);
  for (const name of names) {
    const path = join(harness.stateDir, name);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const content = await readFile(path, "latin1");
    for (const secret of [TEST_CREDENTIAL, TEST_PEPPER.toString("latin1"), fake.joinToken]) {
      expect(content).not.toContain(secret);
    }
  }
  const log = harness.log.join("\n");
  for (const secret of [TEST_CREDENTIAL, fake.joinToken, "credential-"]) expect(log).not.toContain(secret);
});
