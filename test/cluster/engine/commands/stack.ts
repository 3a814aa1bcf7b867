import { readFileSync } from "node:fs";
import { type Arguments, flag, isSet } from "../arguments.ts";
import { emptyDeployment, type Stacks } from "../backend/stacks.ts";
import { type Deployment, rootOf } from "../backend/state.ts";
import { CommandFailure } from "../command-failure.ts";
import { opened, type Project, readSettings, secretsOf, stackName, writeSettings } from "../project.ts";
import { openSecrets, type Secrets, seal, unseal } from "../secrets.ts";
import { type Json, mapValues, masked, plain } from "../wire.ts";

type Context = { readonly project: Project; readonly stacks: Stacks; readonly env: NodeJS.ProcessEnv };
type Command = (args: Arguments, context: Context) => Promise<string>;

/** `pulumi stack ...`, by its second word; each gives what it prints. */
export const stackCommands: Record<string, Command> = {
  async init(args, { project, stacks, env }) {
    const stack = stackName(args.words[2] ?? flag(args, "stack"));
    const provider = flag(args, "secrets-provider") ?? "passphrase";
    if (provider !== "passphrase" && provider !== "default") {
      throw new CommandFailure(`the stand-in has only the passphrase secrets provider, not ${provider}`);
    }
    if (await stacks.exists(stack)) throw new CommandFailure(`stack '${stack}' already exists`);
    const settings = readSettings(project, stack);
    const { salt } = openSecrets(settings.encryptionsalt, env);
    await stacks.save(stack, emptyDeployment(salt));
    writeSettings(project, stack, { ...settings, encryptionsalt: salt });
    return `Created stack '${stack}'`;
  },

  async select(args, { stacks }) {
    const stack = stackName(flag(args, "stack") ?? args.words[2]);
    if (!(await stacks.exists(stack))) throw new CommandFailure(`no stack named '${stack}' found`);
    return "";
  },

  async rm(args, { stacks }) {
    const stack = stackName(args.words[2] ?? flag(args, "stack"));
    const unlock = await stacks.lock(stack);
    try {
      const { resources = [] } = await stacks.load(stack);
      if (resources.length > 0 && !isSet(args, "force")) {
        throw new CommandFailure(
          `'${stack}' still has resources; removal rejected: destroy it first, or use --force`,
        );
      }
      await stacks.remove(stack);
    } finally {
      await unlock();
    }
    return `Stack '${stack}' has been removed!`;
  },

  async ls(_args, { stacks }) {
    const rows = (await stacks.list()).map(async (name) => {
      const { resources = [] } = await stacks.load(name);
      const [last] = await stacks.history(name, 1, 1);
      const lastUpdate = last === undefined ? {} : { lastUpdate: last.endTime };
      const updateInProgress = await stacks.isLocked(name);
      return { name, current: false, ...lastUpdate, updateInProgress, resourceCount: resources.length };
    });
    return JSON.stringify(await Promise.all(rows));
  },

  async output(args, context) {
    const { deployment } = await load(args, context);
    const outputs = rootOf(deployment.resources ?? [])?.outputs ?? {};
    return JSON.stringify(isSet(args, "show-secrets") ? plain(outputs) : mapValues(outputs, wholeMask));
  },

  async history(args, { stacks }) {
    const stack = stackName(flag(args, "stack"));
    await stacks.load(stack);
    return JSON.stringify(
      await stacks.history(stack, Number(flag(args, "page-size") ?? 10), Number(flag(args, "page") ?? 1)),
    );
  },

  async export(args, context) {
    const { deployment, secrets, stored } = await load(args, context);
    const shown = isSet(args, "show-secrets")
      ? unseal(seal(deployment as unknown as Json, secrets), secrets, true)
      : (stored as unknown as Json);
    return JSON.stringify({ version: 3, deployment: shown }, null, 4);
  },

  async import(args, { project, stacks, env }) {
    const stack = stackName(flag(args, "stack"));
    const { deployment } = JSON.parse(readFileSync(flag(args, "file") ?? 0, "utf8")) as {
      deployment: Deployment;
    };
    const unlock = await stacks.lock(stack);
    try {
      const secrets = secretsOf(await stacks.load(stack), readSettings(project, stack), env);
      const plainState = opened(deployment, secrets);
      const providers = { type: "passphrase", state: { salt: secrets.salt } } as const;
      const sealed = seal(plainState as unknown as Json, secrets) as unknown as Deployment;
      await stacks.save(stack, { ...sealed, secrets_providers: providers });
    } finally {
      await unlock();
    }
    return "Import complete.";
  },
};

/** Removes whatever locks the stack: it asks nobody. */
export async function cancel(args: Arguments, { stacks }: Context): Promise<string> {
  const stack = stackName(flag(args, "stack") ?? args.words[1]);
  if (!(await stacks.exists(stack))) throw new CommandFailure(`no stack named '${stack}' found`);
  await stacks.cancel(stack);
  return `The currently running update for '${stack}' has been canceled!`;
}

async function load(args: Arguments, { project, stacks, env }: Context) {
  const stack = stackName(flag(args, "stack"));
  const stored = await stacks.load(stack);
  const secrets: Secrets = secretsOf(stored, readSettings(project, stack), env);
  return { stored, secrets, deployment: opened(stored, secrets) };
}

/** An output that has a secret anywhere in it is hidden as a whole, which is how the SDK tells that it is one. */
function wholeMask(value: Json): Json {
  const hidden = masked(value);
  return JSON.stringify(hidden) === JSON.stringify(plain(value)) ? hidden : "[secret]";
}
