import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { type JoiningDeps, startJoining } from "./join.ts";

const GOOD = `hgj_${"a".repeat(40)}`;
const CONTRACT = { joinRequest: { write: () => ({}) } };

async function toldOf({ token, status = 500 }: { token: string | undefined; status?: number }) {
  const told: string[] = [];
  const note = ({ detail }: { detail: string }) => void told.push(detail);
  const deps = {
    client: { send: async () => ({ status, header: () => undefined, body: Buffer.from("{}") }) },
    contract: CONTRACT,
    identity: { publicKeys: {} },
    joinToken: () => token,
    logger: { info: note, warn: note, error: note },
    timers: { after: () => () => undefined },
    random: () => 0.5,
  };
  const joining = startJoining(deps as unknown as JoiningDeps);
  await setImmediate();
  joining.stop();
  return told.join("\n");
}

test.each([
  [
    "without a token",
    { token: undefined },
    "there is no join token: set HEADGATE_JOIN_TOKEN or HEADGATE_JOIN_TOKEN_FILE",
  ],
  [
    "with half of one",
    { token: GOOD.slice(0, 20) },
    "the join token is malformed: it must be hgj_ and 40 letters and digits, and has 20 characters",
  ],
  [
    "with a key in its place",
    { token: "hg_live_secret" },
    "the join token is malformed: it must be hgj_ and 40 letters and digits, and has 14 characters",
  ],
  [
    "at another address",
    { token: GOOD, status: 404 },
    "joining was answered with status 404: there is no control plane at HEADGATE_CONTROL_PLANE_URL, check its path",
  ],
  ["at one that fails", { token: GOOD, status: 500 }, "joining was answered with status 500"],
  [
    "with a token that is refused",
    { token: GOOD, status: 401 },
    "the join token was refused; a new one is needed",
  ],
])("why joining does not work is told: %s", async (_what, how, expected) => {
  const told = await toldOf(how);
  expect(told).toBe(expected);
  expect(told).not.toContain(how.token?.slice(4) ?? "no token");
});
