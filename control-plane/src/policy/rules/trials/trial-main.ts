/** The thread that trials are run on: it is told one, answers, and waits for the next. */
import { parentPort } from "node:worker_threads";
import { TRIALS } from "./trial.ts";
import type { TrialOrder } from "./trial-pool.ts";

const port = parentPort;
if (port === null) throw new Error("trials are run on a thread of their own");
port.on("message", (order: TrialOrder) => port.postMessage(run(order)));
port.postMessage("ready");

function run(order: TrialOrder): unknown {
  switch (order.kind) {
    case "check":
      return TRIALS.check(order.asked);
    case "condition":
      return TRIALS.condition(order.asked);
    case "rules":
      return TRIALS.rules(order.asked);
  }
}
