import { constants } from "node:os";
import { explainStartFailure } from "./compose/explain-start-failure.ts";
import { migrateDatabase } from "./compose/shared.ts";
import { startControlPlane } from "./compose/start-control-plane.ts";
import { type Config, readConfig } from "./config.ts";
import { Refusal } from "./lib/refusal.ts";

/** Without a command it serves; `migrate` brings the schema up to date and ends. Standard output carries one line of JSON for whoever started the process; the log goes to standard error. */
const SIGNALS = ["SIGTERM", "SIGINT"] as const;
// Until it has its database there is nothing to end in order, and that may never come. The system ends it then, which
// needs nothing of ours; but not where it is the first process of a container.
if (process.pid === 1)
  for (const signal of SIGNALS) process.on(signal, () => process.exit(128 + constants.signals[signal]));
let config: Config | undefined;
const [command] = process.argv.slice(2);
try {
  if (command !== undefined && command !== "migrate")
    throw new Refusal(
      `There is no command ${JSON.stringify(command)}; without one it serves, and migrate brings the schema up to date.`,
    );
  config = readConfig();
  if (command === "migrate") {
    await migrateDatabase(config);
    process.stdout.write(`${JSON.stringify({ event: "migrated" })}\n`);
  } else await serve(config);
} catch (error) {
  fail(error);
}

async function serve(config: Config): Promise<void> {
  let stopping = false;
  const stop = () => {
    // A second signal does not wait for what the first one began.
    if (stopping) process.exit(1);
    stopping = true;
    // What is still starting may have found data planes already: it starts, and then stops in order.
    starting.then((running) => running.stop()).then(() => process.exit(0), fail);
  };
  const starting = startControlPlane(config, {
    onOpened() {
      for (const signal of SIGNALS) process.removeAllListeners(signal).on(signal, stop);
    },
  });
  const running = await starting;
  const { url, metricsUrl } = running;
  process.stdout.write(
    `${JSON.stringify({ event: "listening", ...(url === "" ? {} : { url }), metrics_url: metricsUrl })}\n`,
  );
}

function fail(error: unknown): never {
  process.stderr.write(`${explainStartFailure(error, config)}\n`);
  process.exit(1);
}
