import { readConfig } from "./config.ts";
import { startControlPlane } from "./start-control-plane.ts";

/** Standard output carries one line of JSON for whoever started the process; the log goes to standard error. */
try {
  const running = await startControlPlane(readConfig());
  process.stdout.write(
    `${JSON.stringify({ event: "listening", url: running.url, metrics_url: running.metricsUrl })}\n`,
  );
  let stopping = false;
  const stop = () => {
    // A second signal does not wait for what the first one began.
    if (stopping) process.exit(1);
    stopping = true;
    running.stop().then(
      () => process.exit(0),
      (error) => fail(error),
    );
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
} catch (error) {
  fail(error);
}

function fail(error: unknown): never {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
