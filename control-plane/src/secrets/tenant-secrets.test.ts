import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Id } from "@headgate/sdk/contract";
import { expect, test } from "vitest";
import { createKeyWrapper, openLocalKeyWrapper } from "./local-key-wrapper.ts";
import { createTenantSecrets } from "./tenant-secrets.ts";

const random = (count: number) => randomBytes(count);
const name = { id: "prv_1", version: 1 };

async function twoTenants() {
  const secrets = createTenantSecrets(createKeyWrapper(random(32), random), random);
  const owner = async (id: Id<"tenant">) => ({ id, data_key: await secrets.createDataKey(id) });
  const [a, b] = [await owner("ten_a"), await owner("ten_b")];
  return { secrets, a, b, sealed: await secrets.seal(a, name, "sk-live") };
}

test("a secret opens for its tenant, name and version", async () => {
  const { secrets, a, sealed } = await twoTenants();
  expect((await secrets.open(a, name, sealed)).toString()).toBe("sk-live");
  expect(sealed).not.toContain(Buffer.from("sk-live").toString("base64url"));
});

test("the same secret sealed twice gives different texts", async () => {
  const { secrets, a, sealed } = await twoTenants();
  expect(await secrets.seal(a, name, "sk-live")).not.toBe(sealed);
});

test("a ciphertext moved to another tenant, secret or version does not open", async () => {
  const { secrets, a, b, sealed } = await twoTenants();
  await expect(secrets.open(b, name, sealed)).rejects.toThrow();
  await expect(secrets.open({ ...b, data_key: a.data_key }, name, sealed)).rejects.toThrow();
  await expect(secrets.open(a, { ...name, id: "prv_2" }, sealed)).rejects.toThrow();
  await expect(secrets.open(a, { ...name, version: 2 }, sealed)).rejects.toThrow();
});

test("a ciphertext with any byte changed or cut off, its tag's too, does not open", async () => {
  const { secrets, a, sealed } = await twoTenants();
  const bytes = Buffer.from(sealed.slice(2), "base64url");
  for (let index = 0; index < bytes.length; index += 1) {
    const changed = Buffer.from(bytes);
    changed[index] = (changed[index] ?? 0) ^ 1;
    await expect(secrets.open(a, name, `1.${changed.toString("base64url")}`)).rejects.toThrow();
    await expect(
      secrets.open(a, name, `1.${bytes.subarray(0, index).toString("base64url")}`),
    ).rejects.toThrow();
  }
});

test("the platform's key is made once, for its owner's eyes, and refused when others can read it", async () => {
  const path = join(await mkdtemp(join(tmpdir(), "headgate-key-")), "inner", "key");
  const wrapped = await (await openLocalKeyWrapper(path, random, { inUse: false })).wrap(
    Buffer.from("x"),
    "ten_a",
  );
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(
    Buffer.from(
      await (await openLocalKeyWrapper(path, random, { inUse: false })).unwrap(wrapped, "ten_a"),
    ).toString(),
  ).toBe("x");
  await chmod(path, 0o644);
  await expect(openLocalKeyWrapper(path, random, { inUse: false })).rejects.toThrow("chmod 600");
});

test("a key that is lost is not replaced by a new one, which would open nothing", async () => {
  const path = join(await mkdtemp(join(tmpdir(), "headgate-key-")), "platform-key");
  await expect(openLocalKeyWrapper(path, random, { inUse: true })).rejects.toThrow(`${path} is missing`);
  await expect(stat(path)).rejects.toThrow("ENOENT");
});
