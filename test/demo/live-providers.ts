/** The real providers, for those who have set their keys: a provider, a model and a route each, beside the simulated ones. */
import type { Client } from "./onboarding.ts";

export interface LiveModel {
  readonly name: string;
  readonly dialect: "openai" | "anthropic";
}

const LIVE = [
  {
    name: "openai-live",
    dialect: "openai",
    vendor: "openai",
    base_url: "https://api.openai.com/v1",
    key: "OPENAI_API_KEY",
    model: ["OPENAI_MODEL", "gpt-5-mini"],
  },
  {
    name: "anthropic-live",
    dialect: "anthropic",
    vendor: "anthropic",
    base_url: "https://api.anthropic.com/v1",
    key: "ANTHROPIC_API_KEY",
    model: ["ANTHROPIC_MODEL", "claude-haiku-4-5"],
  },
] as const;

/** Routes `openai-live/MODEL` and `anthropic-live/MODEL` to the providers whose key is in the environment. */
export async function routeLiveProviders(
  api: Client,
  env: Readonly<Record<string, string | undefined>>,
): Promise<LiveModel[]> {
  const routed: LiveModel[] = [];
  for (const { name, dialect, vendor, base_url, key, model } of LIVE) {
    const credential = env[key];
    if (credential === undefined || credential === "") continue;
    const upstream_model = env[model[0]] ?? model[1];
    const known = (await api.providers.list({ limit: 200 })).items.find((row) => row.name === name);
    const provider = known ?? (await api.providers.create({ name, dialect, vendor, base_url, credential }));
    if (known !== undefined) await api.providers.set_credential({ provider_id: known.id, credential });
    const modelName = `${name}/${upstream_model}`;
    const models = (await api.models.list({ limit: 200 })).items;
    const { id: model_id } =
      models.find((row) => row.name === modelName) ??
      (await api.models.create({
        name: modelName,
        kind: "chat",
        context_tokens_max: 200_000,
        output_tokens_max: 8_192,
      }));
    await api.routes.put({ model_id, targets: [{ provider_id: provider.id, upstream_model }] });
    routed.push({ name: modelName, dialect });
  }
  return routed;
}
