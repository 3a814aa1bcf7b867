/** What a newcomer can paste into another terminal. Keys are read from their file, so none is shown again. */
import type { LiveModel } from "./live-providers.ts";
import { currentPeriod } from "./report.ts";

export interface CommandContext {
  readonly keyFile: string;
  readonly endpointUrl: string;
  readonly controlPlaneUrl: string;
  readonly providerUrl: string;
  readonly live: readonly LiveModel[];
}

export function commands(context: CommandContext): string[] {
  const { keyFile, endpointUrl, controlPlaneUrl, providerUrl, live } = context;
  const api = (procedure: string, input: object) => [
    `curl -sG ${controlPlaneUrl}/trpc/${procedure} -H "authorization: Bearer $HEADGATE_ADMIN" \\`,
    `  --data-urlencode 'input=${JSON.stringify(input)}'`,
  ];
  const month = currentPeriod();
  const [year = 0, number = 1] = month.split("-").map(Number);
  const range = { from: Date.UTC(year, number - 1), to: Date.UTC(year, number) };
  return [
    "",
    "# keys: of an agent for the gateway, of the tenant for the API",
    `export HEADGATE_KEY=$(${keyFrom(keyFile, "agents.researcher")})`,
    `export HEADGATE_ADMIN=$(${keyFrom(keyFile, "adminKey")})`,
    "",
    "# a chat completion, streamed",
    `curl -sN ${endpointUrl}/v1/chat/completions -H "authorization: Bearer $HEADGATE_KEY" \\`,
    "  -H 'content-type: application/json' \\",
    `  -d '{"model":"gpt-sim","stream":true,"messages":[{"role":"user","content":"Hello"}]}'`,
    "",
    "# a message",
    `curl -s ${endpointUrl}/v1/messages -H "x-api-key: $HEADGATE_KEY" \\`,
    "  -H 'anthropic-version: 2023-06-01' -H 'content-type: application/json' \\",
    `  -d '{"model":"claude-sim","max_tokens":50,"messages":[{"role":"user","content":"Hello"}]}'`,
    "",
    "# the official clients (in the folder test/, where they are installed)",
    "(cd test && node --input-type=module -e '",
    '  import OpenAI from "openai";',
    `  const openai = new OpenAI({ baseURL: "${endpointUrl}/v1", apiKey: process.env.HEADGATE_KEY });`,
    '  const messages = [{ role: "user", content: "Hello" }];',
    '  console.log(await openai.chat.completions.create({ model: "gpt-sim", messages }));',
    "')",
    "(cd test && node --input-type=module -e '",
    '  import Anthropic from "@anthropic-ai/sdk";',
    `  const anthropic = new Anthropic({ baseURL: "${endpointUrl}", apiKey: process.env.HEADGATE_KEY });`,
    '  const messages = [{ role: "user", content: "Hello" }];',
    '  console.log(await anthropic.messages.create({ model: "claude-sim", max_tokens: 50, messages }));',
    "')",
    "",
    "# usage by team, and the invoice so far",
    ...api("usage.query", { ...range, group_by: ["team"], granularity: "none" }),
    ...api("invoices.preview", { period: month }),
    "",
    "# what the simulated provider has written down itself",
    `curl -s ${providerUrl}/__ledger`,
    ...live.flatMap((model) => ["", ...liveCommand(endpointUrl, model)]),
    "",
  ];
}

function keyFrom(file: string, member: string): string {
  return `node -p 'JSON.parse(fs.readFileSync("${file}")).acme.${member}'`;
}

function liveCommand(endpointUrl: string, { name, dialect }: LiveModel): string[] {
  const path = dialect === "openai" ? "/v1/chat/completions" : "/v1/messages";
  const tokens = dialect === "openai" ? "" : '"max_tokens":200,';
  return [
    "# the real provider (its usage has no price here, so the invoice says so and stays blocked)",
    `curl -s ${endpointUrl}${path} -H "authorization: Bearer $HEADGATE_KEY" \\`,
    "  -H 'content-type: application/json' \\",
    `  -d '{"model":"${name}",${tokens}"messages":[{"role":"user","content":"Hello"}]}'`,
  ];
}
