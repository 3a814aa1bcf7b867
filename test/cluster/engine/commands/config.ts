import { type Arguments, flag, isSet } from "../arguments.ts";
import type { Stacks } from "../backend/stacks.ts";
import { CommandFailure } from "../command-failure.ts";
import {
  configOf,
  type Project,
  readSettings,
  type StackSettings,
  secretsOf,
  stackName,
  writeSettings,
} from "../project.ts";
import type { Json } from "../wire.ts";

type Context = { readonly project: Project; readonly stacks: Stacks; readonly env: NodeJS.ProcessEnv };

/** `pulumi config ...`: the values in the stack's settings file. */
export async function configCommand(args: Arguments, { project, stacks, env }: Context): Promise<string> {
  const stack = stackName(flag(args, "stack"));
  const settings = readSettings(project, stack);
  const deployment = await stacks.load(stack);
  const secrets = () => secretsOf(deployment, settings, env);
  const put = (key: string, value: string, secret: boolean) => {
    settings.config = {
      ...settings.config,
      [qualified(project, key)]: secret ? { secure: secrets().encrypt(value) } : value,
    };
  };
  const drop = (key: string) => {
    delete settings.config?.[qualified(project, key)];
  };
  const [, verb, ...words] = args.words;
  switch (verb) {
    case undefined:
      return list(project, settings, () => secrets());
    case "get": {
      const found = configOf(project, settings, secrets).get(qualified(project, words[0] ?? ""));
      if (found === undefined)
        throw new CommandFailure(`configuration key '${words[0]}' not found for stack '${stack}'`);
      return JSON.stringify(found);
    }
    case "set":
      put(words[0] ?? "", words[1] ?? "", isSet(args, "secret"));
      break;
    case "set-all":
      for (const text of args.flags.get("plaintext") ?? []) put(...pair(text), false);
      for (const text of args.flags.get("secret") ?? []) put(...pair(text), true);
      break;
    case "rm":
    case "rm-all":
      for (const key of words) drop(key);
      break;
    default:
      throw new CommandFailure(`the stand-in does not know config ${verb}`);
  }
  writeSettings(project, stack, settings);
  return "";
}

function list(project: Project, settings: StackSettings, secrets: Parameters<typeof configOf>[2]): string {
  return JSON.stringify(Object.fromEntries(configOf(project, settings, secrets)) as Record<string, Json>);
}

function pair(text: string): [key: string, value: string] {
  const at = text.indexOf("=");
  return [text.slice(0, at), text.slice(at + 1)];
}

function qualified(project: Project, key: string): string {
  return key.includes(":") ? key : `${project.name}:${key}`;
}
