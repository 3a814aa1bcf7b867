/**
 * The simulated provider as a process of its own, for who must survive it or kill it. `GET /__ledger` answers with
 * what it has written down. `SIMULATED_PROVIDER_CREDENTIALS` is a JSON object: credential to organisation.
 */
import { startSimulatedProvider } from "./simulated-provider.ts";

const port = Number(process.env["SIMULATED_PROVIDER_PORT"] ?? 0);
const credentials = process.env["SIMULATED_PROVIDER_CREDENTIALS"];

const provider = await startSimulatedProvider({
  port,
  ...(credentials === undefined ? {} : { credentials: JSON.parse(credentials) as Record<string, string> }),
});
console.log(JSON.stringify({ event: "listening", url: provider.url }));
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void provider[Symbol.asyncDispose]());
}
