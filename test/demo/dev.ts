/**
 * `npm run dev`: the simulated provider and both planes, restarted when their code changes. The compiler watches the
 * sources, this process watches what it writes.
 */
import { spawn } from "node:child_process";
import { watch } from "node:fs";
import { createRequire } from "node:module";
import { dirname, resolve } from "node:path";
import { lockDirectory } from "@headgate/control-plane/directory-lock";
import { ACME, CREDENTIALS } from "./catalog.ts";
import { freePort } from "./free-port.ts";
import { openKeyRing } from "./key-ring.ts";
import { createNarrator } from "./narrator.ts";
import { ensurePrices, onboard } from "./onboarding.ts";
import { startPlatform, startProvider } from "./platform.ts";
import { run } from "./run.ts";

/** The compiler writes many files for one change. */
const QUIET_MS = 300;
let restarting: Promise<void> = Promise.resolve();

const GO_ON =
  "All is kept in .headgate/dev/, logs too: npm run dev goes on from there; without that folder it begins anew.";

await run({ stopCode: 0, goOn: GO_ON }, async (stack, stop) => {
  const narrator = createNarrator(stop);
  const directory = resolve(".headgate", "dev");
  stack.use(lockDirectory(directory));
  const compiler = spawn(resolve("node_modules", ".bin", "tsc"), ["-b", "test/tsconfig.json", "--watch"], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  stack.defer(() => void compiler.kill());

  narrator.heading("Headgate, for those who work on it");
  const ports = { provider: 0, controlPlane: await freePort(8080), metrics: await freePort(9464) };
  const options = { directory, ports, credentials: CREDENTIALS };
  const provider = stack.use(await startProvider(options));
  const platform = stack.use(await narrator.step("control plane", () => startPlatform(options, provider)));
  await narrator.step("price book", () => ensurePrices(platform));
  const keyRing = openKeyRing(resolve(directory, "keys.json"));
  const acme = await onboard(platform, ACME, keyRing, narrator);
  narrator.say("", `gateway ${acme.endpointUrl}, API ${platform.controlPlaneUrl}, keys in ${keyRing.file}`);

  const restartControlPlane = () =>
    narrator.step("control plane restarted", async () => {
      await platform.killControlPlane();
      await platform.startControlPlane();
    });
  const restartDataPlane = () =>
    narrator.step("data plane restarted", async () => platform.killDataPlane(acme.dataPlaneId));
  // What they share concerns both.
  onChange("@headgate/control-plane/main", restartControlPlane);
  onChange("@headgate/data-plane/main", restartDataPlane);
  onChange("@headgate/sdk/contract", async () => {
    await restartControlPlane();
    await restartDataPlane();
  });
  return new Promise<never>(() => undefined);
});

/** Runs when the code beside the module that the package exports has changed and been quiet for a moment. */
function onChange(exported: string, restart: () => Promise<void>): void {
  const folder = dirname(createRequire(import.meta.url).resolve(exported));
  let timer: NodeJS.Timeout | undefined;
  watch(folder, { recursive: true }, (_event, file) => {
    if (file === null || !file.endsWith(".js")) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      // One after the other: each shows its line, and both may wait for the same process.
      restarting = restarting
        .then(restart)
        .catch((error: unknown) => console.error(error instanceof Error ? error.message : error));
    }, QUIET_MS);
  });
}
