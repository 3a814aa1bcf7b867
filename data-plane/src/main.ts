/** The data plane's composition root: configuration, parts, listeners, and an orderly end. */

import { startDataPlane } from "./compose/start-data-plane.ts";
import { ConfigError, loadConfig } from "./config.ts";

// Whoever read our output may go away; calls are served all the same.
process.stdout.on("error", () => undefined);
process.stderr.on("error", () => undefined);

try {
  const starting = startDataPlane(loadConfig(), {
    out: (text) => process.stdout.write(text),
    log: (text) => process.stderr.write(text),
  });
  let stopping = false;
  /** What has begun to start is ended in order too. */
  const end = (exitCode: number): void => {
    stopping = true;
    starting
      .then((dataPlane) => dataPlane.stop())
      .then(
        () => process.exit(exitCode),
        () => process.exit(1),
      );
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      // A second signal does not wait for calls in flight.
      if (stopping) process.exit(1);
      end(0);
    });
  }
  const { lost } = await starting;
  void lost.then(() => {
    if (!stopping) end(1);
  });
} catch (error) {
  const message = error instanceof ConfigError ? error.message : `headgate data plane: ${String(error)}`;
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
