/** The data plane's composition root: configuration, parts, listeners, and an orderly end. */

import { constants } from "node:os";
import { startDataPlane } from "./compose/start-data-plane.ts";
import { ConfigError, loadConfig } from "./config.ts";

// Whoever read our output may go away; calls are served all the same.
process.stdout.on("error", () => undefined);
process.stderr.on("error", () => undefined);

const SIGNALS = ["SIGTERM", "SIGINT"] as const;

// Until it listens there is nothing to end in order, and what it waits for, such as a disk, may never come. The system
// ends it then, which needs nothing of ours; but not where it is the first process of a container.
if (process.pid === 1)
  for (const signal of SIGNALS) process.on(signal, () => process.exit(128 + constants.signals[signal]));

try {
  let stopping = false;
  const end = (exitCode: number): void => {
    stopping = true;
    starting
      .then((dataPlane) => dataPlane.stop())
      .then(
        () => process.exit(exitCode),
        () => process.exit(1),
      );
  };
  const endInOrder = (): void => {
    for (const signal of SIGNALS) {
      process.removeAllListeners(signal);
      process.on(signal, () => {
        // A second signal does not wait for calls in flight.
        if (stopping) process.exit(1);
        end(0);
      });
    }
  };
  const starting = startDataPlane(
    loadConfig(),
    { out: (text) => process.stdout.write(text), log: (text) => process.stderr.write(text) },
    { onListening: endInOrder },
  );
  const { lost } = await starting;
  void lost.then(() => {
    if (!stopping) end(1);
  });
} catch (error) {
  const message = error instanceof ConfigError ? error.message : `headgate data plane: ${String(error)}`;
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
