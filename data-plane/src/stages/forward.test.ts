import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { makeId } from "@headgate/sdk/testing";
import { expect, test } from "vitest";
import { systemClock } from "../lib/clock.ts";
import { createIds } from "../lib/ids.ts";
import { createExchange, type Exchange } from "../pipeline/exchange.ts";
import type { Gateway } from "../pipeline/stage.ts";
import type { AttemptSeen, Call } from "../protocols/call.ts";
import { createBreakers } from "../upstream/breakers.ts";
import { createUpstreamPools } from "../upstream/pools.ts";
import { makeTarget } from "../upstream/testing/make-target.ts";
import type { OpenOutcome } from "../usage/usage-recorder.ts";
import { forward } from "./forward.ts";

/** A call that is ready for its one target, and keeps what it is told of attempts. */
function makeExchange(origin: string, seen: AttemptSeen[]): Exchange {
  const target = makeTarget(origin);
  const call: Partial<Call> = {
    endpoint: { method: "POST" },
    route: {
      id: makeId("route"),
      targets: [target],
      attemptsMax: 1,
      breaker: { failures: 1, openMs: 1_000 },
    },
    subject: () => ({}) as never,
    usageExpected: () => undefined,
    upstreamPath: () => "/v1/anything",
    upstreamHeaders: () => [],
    upstreamBody: () => Buffer.from("{}"),
    openStream: () => undefined,
    withdraws: () => false,
    meter: (_result, told) => void seen.push(told),
  };
  const exchange = createExchange({ policy: {}, head: {}, receivedMono: 0 } as unknown as Exchange);
  return Object.assign(exchange, { call, principal: { agent: {} }, candidates: [target] });
}

test("an agent that leaves while its attempt is put on record costs no call, and the attempt ends as left", async () => {
  let asked = 0;
  const provider = createServer((_request, response) => {
    asked += 1;
    response.setHeader("content-type", "application/json").end("{}");
  }).listen(0, "127.0.0.1");
  await once(provider, "listening");
  const pools = createUpstreamPools();
  const writing = Promise.withResolvers<OpenOutcome>();
  const gateway = {
    clock: systemClock,
    newId: createIds(systemClock.wallMs),
    pools,
    breakers: createBreakers(),
    recorder: { open: () => writing.promise },
  } as unknown as Gateway;
  const seen: AttemptSeen[] = [];
  const exchange = makeExchange(`http://127.0.0.1:${(provider.address() as AddressInfo).port}`, seen);

  const forwarding = forward.run(exchange, gateway);
  exchange.clientGone = true;
  writing.resolve("recorded");
  expect(await forwarding).toBeUndefined();

  expect(exchange.attempts).toMatchObject([
    { result: { outcome: "client_aborted", http_status: 0, accuracy: "none", usage: {} } },
  ]);
  expect(seen).toMatchObject([{ end: { kind: "cancelled" }, sent: false, passed: false }]);
  const { answer, failure, running } = exchange;
  expect([answer, failure, running]).toEqual([undefined, undefined, undefined]);
  await pools.close();
  provider.close();
  await once(provider, "close");
  expect(asked).toBe(0);
});
