/** The data plane's composition root: configuration, parts, listeners, and an orderly end. */

import { ConfigError, loadConfig } from "./config.ts";
import { startDataPlane } from "./start-data-plane.ts";

try {
  const starting = startDataPlane(loadConfig(), {
    out: (text) => process.stdout.write(text),
    log: (text) => process.stderr.write(text),
  });
  let stopping = false;
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      // A second signal does not wait for calls in flight.
      if (stopping) process.exit(1);
      stopping = true;
      // What has begun to start is ended in order too.
      starting
        .then((dataPlane) => dataPlane.stop())
        .then(
          () => process.exit(0),
          () => process.exit(1),
        );
    });
  }
  await starting;
} catch (error) {
  const message = error instanceof ConfigError ? error.message : `headgate data plane: ${String(error)}`;
  process.stderr.write(`${message}\n`);
  process.exitCode = 1;
}
