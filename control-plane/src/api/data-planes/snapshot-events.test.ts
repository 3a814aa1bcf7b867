import { once } from "node:events";
import type { Socket } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { DATA_PLANE_API } from "@headgate/sdk/contract";
import { expect, test, vi } from "vitest";
import { joinedDataPlane } from "../../testing/test-data-plane.ts";
import { openTestPlatform } from "../../testing/test-platform.ts";

test("a replica has two event streams at most: with a third the oldest ends, and another replica's stays", async () => {
  const platform = await openTestPlatform();
  const url = await platform.app.listen({ port: 0, host: "127.0.0.1" });
  const open = async ({ headers }: { headers: Record<string, string> }) => {
    const { body } = await fetch(url + DATA_PLANE_API.snapshotEvents, { headers });
    if (body === null) throw new Error("no stream");
    const reader = body.getReader();
    await reader.read();
    return reader;
  };
  const [mine, others] = [await joinedDataPlane(platform), await joinedDataPlane(platform)];
  const other = await open(others);
  const [oldest, second, third] = [await open(mine), await open(mine), await open(mine)];
  expect(await oldest.read()).toMatchObject({ done: true });
  platform.revisionEvents.publish(mine.owner.tenantId, 99);
  platform.revisionEvents.publish(others.owner.tenantId, 99);
  for (const reader of [second, third, other])
    expect(new TextDecoder().decode((await reader.read()).value)).toContain('{"revision":99}');
  await platform.close();
});

test("a client that leaves before its stream has begun leaves nothing behind", async () => {
  const platform = await openTestPlatform();
  const { headers } = await joinedDataPlane(platform);
  const url = await platform.app.listen({ port: 0, host: "127.0.0.1" });
  const subscribe = vi.spyOn(platform.revisionEvents, "subscribe");
  const asked = Promise.withResolvers<void>();
  const answered = Promise.withResolvers<number>();
  vi.spyOn(platform.db, "transaction").mockImplementationOnce(() => {
    asked.resolve();
    return answered.promise;
  });
  const connected = once(platform.app.server, "connection") as Promise<[Socket]>;
  const end = new AbortController();
  const events = fetch(url + DATA_PLANE_API.snapshotEvents, { headers, signal: end.signal });
  const [socket] = await connected;
  await asked.promise;
  const left = once(socket, "close");
  end.abort();
  await expect(events).rejects.toThrow();
  await left;
  answered.resolve(1);
  await turn();
  expect(subscribe).not.toHaveBeenCalled();
  await platform.close();
});
