import { type Config, readConfig } from "./config.ts";
import { explainStartFailure } from "./lib/explain-start-failure.ts";
import { startControlPlane } from "./start-control-plane.ts";

/** Standard output carries one line of JSON for whoever started the process; the log goes to standard error. */
let config: Config | undefined;
try {
  config = readConfig();
  const starting = startControlPlane(config);
  let stopping = false;
  const stop = () => {
    // A second signal does not wait for what the first one began.
    if (stopping) process.exit(1);
    stopping = true;
    // What is still starting may have found data planes already: it starts, and then stops in order.
    starting.then((running) => running.stop()).then(() => process.exit(0), fail);
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  const running = await starting;
  process.stdout.write(
    `${JSON.stringify({ event: "listening", url: running.url, metrics_url: running.metricsUrl })}\n`,
  );
} catch (error) {
  fail(error);
}

function fail(error: unknown): never {
  process.stderr.write(`${explainStartFailure(error, config)}\n`);
  process.exit(1);
}
