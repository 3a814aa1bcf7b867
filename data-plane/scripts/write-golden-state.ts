/**
 * Writes anew what a data plane of the newest contract version leaves behind when it is killed with a call in flight:
 * `node data-plane/scripts/write-golden-state.ts`. Only while that version is not out; those before it never change.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CONTRACT, CONTRACT_VERSION } from "@headgate/sdk/contract";
import { makeId } from "@headgate/sdk/testing";
import { loadIdentity } from "../src/control-link/session/identity.ts";
import { loadRegistration } from "../src/control-link/session/registration.ts";
import { createLastGood } from "../src/control-link/snapshot/last-good.ts";
import {
  makeSealedSnapshot,
  makeSigningKey,
  signSnapshot,
} from "../src/control-link/testing/snapshot-kit.ts";
import { createLogger } from "../src/lib/logger.ts";
import { newClaim, placeClaim } from "../src/storage/claim-file.ts";
import { makeAttempt, makeResult } from "../src/usage/testing/attempts.ts";
import { openTestSpool } from "../src/usage/testing/open-test-spool.ts";

const golden = new URL(`../../sdk/src/contract/golden/v${CONTRACT_VERSION}/`, import.meta.url);
const logger = createLogger(
  () => undefined,
  () => 0,
);
const stateDir = mkdtempSync(join(tmpdir(), "golden-state-"));
try {
  await leaveState();
  const files = readdirSync(stateDir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .toSorted()
    .map((path) => [path.slice(stateDir.length + 1), readFileSync(path).toString("base64")]);
  const text = JSON.stringify(Object.fromEntries(files), null, 2);
  writeFileSync(new URL("state-directory.json", golden), `${text}\n`);
} finally {
  rmSync(stateDir, { recursive: true });
}

async function leaveState(): Promise<void> {
  placeClaim(stateDir, { ...newClaim("ins_01kdvdna00000000000000002v"), renewals: 7 });
  const { isNew, publicKeys } = await loadIdentity(stateDir, logger);
  const key = makeSigningKey();
  const document: unknown = JSON.parse(readFileSync(new URL("credential-answer.json", golden), "utf8"));
  const reading = CONTRACT.credentialAnswer.read(document);
  if (!reading.ok) throw new Error("the golden answer cannot be read");
  const answer = { ...reading.value, snapshot_keys: [key.publicKey] };
  const registration = loadRegistration({ stateDir, contract: CONTRACT, isNew, logger });
  await registration.update(answer);
  await registration.keepKey(key.id);
  const snapshot = await makeSealedSnapshot(answer, publicKeys.encryption_key);
  await createLastGood(stateDir, logger).save(signSnapshot(snapshot, key));

  const { spool } = await openTestSpool(join(stateDir, "spool"), { segmentBytes: 8 * 1024 * 1024 });
  const budget = { key: `budget:${makeId("budget")}:total:` };
  for (const amount of ["21", "63"]) {
    const attempt = makeAttempt();
    await spool.open(attempt);
    await spool.settle(attempt, makeResult(Number(amount)), [{ ...budget, amount }]);
  }
  const attempt = makeAttempt();
  await spool.open(attempt);
  await spool.settle(attempt, makeResult(1), []);
  await spool.open(makeAttempt());
}
