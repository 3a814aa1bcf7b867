/** Several processes over one volume, told apart by their clocks; each guarantee of a claim. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { makeId } from "@headgate/sdk/testing";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { layOutGoldenState, VERSIONS } from "../testing/golden-state.ts";
import { newClaim, readClaim, renewClaim } from "./claim-file.ts";
import { CLAIM_TIMING as timing } from "./claim-timing.ts";
import { claimedDisk } from "./claimed-disk.ts";
import { realDisk } from "./disk.ts";
import { type ClaimDeps, type HeldDirectory, makeHeldDirectory, takeOver } from "./hold-claim.ts";
import { watchClaims } from "./watch-claims.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "headgate-claims-"));
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(root, { recursive: true });
});

interface Machine extends ClaimDeps {
  readonly faults: unknown[];
  /** Its timers do not fire; its clock goes on. */
  stalled: boolean;
}

/** A machine: its monotonic clock has an origin and a speed of its own. */
function machine(speed = 1): Machine {
  const origin = Math.random() * 1e9;
  const begun = Date.now();
  const faults: unknown[] = [];
  const made: Machine = {
    stalled: false,
    every(ms, task) {
      const timer = setInterval(() => made.stalled || task(), ms / speed);
      return () => clearInterval(timer);
    },
    root,
    timing,
    clock: { wallMs: () => 0, monotonicMs: () => origin + (Date.now() - begun) * speed },
    newInstanceId: () => makeId("instance"),
    onFault: (error) => faults.push(error),
    faults,
  };
  return made;
}

const nameOf = ({ path }: HeldDirectory) => basename(path);
const watcher = (deps: ClaimDeps) => watchClaims({ ...deps, isOwn: () => false });
const look = (watch: ReturnType<typeof watcher>) => watch.look().map(({ owner }) => owner);

test.each(VERSIONS)("a claim as version %i has left it is read, and is overwritten whole", (version) => {
  layOutGoldenState(version, root);
  expect(readClaim(root)?.claim).toMatchObject({ renewals: 7, state: "held", settled: false });
  const length = readClaim(root)?.raw.length;
  const next = { ...newClaim("ins_01kdvdna00000000000000002v"), renewals: 8 };
  expect(renewClaim(root, next)).toBe(true);
  expect(readClaim(root)?.claim).toEqual(next);
  expect(readClaim(root)?.raw).toHaveLength(length ?? 0);
});

test("an owner that renews is seen to live for ever, and one that has died is seen to be gone after the expiry", () => {
  const owner = makeHeldDirectory(machine());
  const watch = watcher(machine());
  expect(look(watch)).toEqual(["unknown"]);
  for (let round = 0; round < 50; round += 1) {
    vi.advanceTimersByTime(timing.renewMs);
    expect(look(watch)).toEqual(["alive"]);
  }
  owner.abandon();
  vi.advanceTimersByTime(timing.expiryMs - 1);
  expect(look(watch)).toEqual(["alive"]);
  vi.advanceTimersByTime(1);
  expect(look(watch)).toEqual(["none"]);
});

test("a claim that is released is nobody's at once, and says whether anything waits", () => {
  const [settled, waiting] = [makeHeldDirectory(machine()), makeHeldDirectory(machine())];
  settled.release(true);
  waiting.release(false);
  const seen = new Map(
    watcher(machine())
      .look()
      .map((one) => [one.name, [one.owner, one.settled]]),
  );
  expect(seen.get(nameOf(settled))).toEqual(["none", true]);
  expect(seen.get(nameOf(waiting))).toEqual(["none", false]);
});

test("of any number that take a directory over one wins, and its earlier owner loses it for good", async () => {
  const earlier = makeHeldDirectory(machine());
  writeFileSync(join(earlier.path, "kept"), "x");
  const wins = Array.from({ length: 5 }, () => takeOver(nameOf(earlier), machine())).filter(
    (held) => held !== undefined,
  );
  expect(wins).toHaveLength(1);
  expect(existsSync(join(wins[0]?.path ?? "", "kept"))).toBe(true);
  vi.advanceTimersByTime(timing.renewMs);
  await earlier.lost;
  expect(earlier.isFresh()).toBe(false);
  expect(existsSync(earlier.path)).toBe(false);
  earlier.release(true);
  expect(readdirSync(root)).toEqual([nameOf(wins[0] as HeldDirectory)]);
  expect(look(watcher(machine()))).toEqual(["unknown"]);
});

test("an owner whose renewals fail stops writing before anyone can take the directory, and goes on when they succeed", () => {
  const deps = machine();
  const owner = makeHeldDirectory(deps);
  const disk = claimedDisk(realDisk, owner);
  const fd = disk.open(join(owner.path, "spool"), "w");
  const write = () => disk.write(fd, Buffer.from("x"), { from: 0, to: 1, position: 0 });
  // The volume does not answer: the claim is a directory for the time being.
  const claim = join(owner.path, "claim.json");
  const aside = join(owner.path, "aside");
  realDisk.rename(claim, aside);
  mkdirSync(claim);
  vi.advanceTimersByTime(timing.freshMs - 1);
  expect(write()).toBe(1);
  vi.advanceTimersByTime(1);
  expect(write).toThrow("not renewed in time");
  expect(() => disk.rename("a", "b")).toThrow("not renewed in time");
  expect(deps.faults.length).toBeGreaterThan(0);
  rmSync(claim, { recursive: true });
  realDisk.rename(aside, claim);
  // The first renewal after a lapse may just have missed whoever takes the directory; the next one would notice.
  vi.advanceTimersByTime(timing.renewMs);
  expect(write).toThrow("not renewed in time");
  vi.advanceTimersByTime(timing.renewMs);
  expect(write()).toBe(1);
  owner.abandon();
  disk.close(fd);
});

test("what was synced too late to be sure of does not count as safe", async () => {
  let fresh = true;
  const disk = claimedDisk(
    {
      ...realDisk,
      sync: async () => {
        fresh = false;
      },
    },
    { isFresh: () => fresh },
  );
  await expect(disk.sync(0)).rejects.toThrow("not renewed in time");
});

test("at no moment do two processes both believe that they may write, whatever stalls and however clocks run", () => {
  let takeovers = 0;
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          who: fc.nat(2),
          act: fc.constantFrom(
            "look" as const,
            "look" as const,
            "look" as const,
            "stall" as const,
            "wake" as const,
          ),
          ms: fc.nat(4_000),
        }),
        { minLength: 80, maxLength: 200 },
      ),
      fc.array(fc.double({ min: 0.8, max: 1.25, noNaN: true }), { minLength: 3, maxLength: 3 }),
      (steps, speeds) => {
        const machines = speeds.map((speed) => {
          const deps = machine(speed);
          return { deps, watch: watcher(deps), held: undefined as HeldDirectory | undefined };
        });
        makeHeldDirectory(machine()).abandon();
        for (const { who, act, ms } of steps) {
          vi.advanceTimersByTime(ms);
          const one = machines[who];
          if (one === undefined) continue;
          if (act === "stall") one.deps.stalled = true;
          if (act === "wake") one.deps.stalled = false;
          if (act === "look" && !one.deps.stalled && one.held?.isFresh() !== true) {
            const left = one.watch.look().find(({ owner }) => owner === "none");
            one.held?.abandon();
            one.held = left && takeOver(left.name, one.deps);
            takeovers += left === undefined ? 0 : 1;
          }
          expect(machines.filter(({ held }) => held?.isFresh()).length).toBeLessThanOrEqual(1);
        }
        for (const { held } of machines) held?.abandon();
        for (const name of readdirSync(root)) rmSync(join(root, name), { recursive: true });
      },
    ),
    { numRuns: 60 },
  );
  expect(takeovers).toBeGreaterThan(60);
});

test("a directory on whose taking over a process died is found again, though what lies in it was released", () => {
  const owner = makeHeldDirectory(machine());
  owner.release(true);
  realDisk.rename(owner.path, join(root, `taking-${nameOf(owner)}`));
  const watch = watcher(machine());
  expect(look(watch)).toEqual(["unknown"]);
  vi.advanceTimersByTime(timing.expiryMs);
  expect(watch.look()).toMatchObject([{ name: `taking-${nameOf(owner)}`, owner: "none" }]);
  expect(takeOver(`taking-${nameOf(owner)}`, machine())?.isFresh()).toBe(true);
});

test("other things on the volume are left alone", () => {
  mkdirSync(join(root, "lost+found"));
  writeFileSync(join(root, "README"), "");
  expect(look(watcher(machine()))).toEqual([]);
});

test("of a newer program's claim no more is believed than that it changes", () => {
  const name = makeId("instance");
  mkdirSync(join(root, name));
  const claim = (renewals: number) =>
    writeFileSync(
      join(root, name, "claim.json"),
      JSON.stringify({ version: 2, instance_id: name, renewals, state: "released", settled: true }),
    );
  const watch = watcher(machine());
  claim(1);
  expect(look(watch)).toEqual(["unknown"]);
  claim(2);
  expect(look(watch)).toEqual(["alive"]);
  vi.advanceTimersByTime(timing.expiryMs);
  expect(look(watch)).toEqual(["none"]);
});
