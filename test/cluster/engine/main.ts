/**
 * The stand-in for the Pulumi CLI: what the Automation API of the real SDK spawns in tests where no real CLI is at
 * hand. README.md lists what it imitates. Each command loads only what it needs: the SDK calls many of them.
 */
import { enableCompileCache } from "node:module";
import { homedir, userInfo } from "node:os";
import { join } from "node:path";
import { parseArguments } from "./arguments.ts";
import { CommandFailure, messageOf } from "./command-failure.ts";
import { ENGINE_NAME, KUBERNETES_PLUGIN_VERSION, VERSION } from "./version.ts";

enableCompileCache();

// As a Go program does, it dies where it stands when nobody reads what it prints.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => process.exit(141));

const cancelled = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    if (cancelled.signal.aborted) process.exit(130);
    cancelled.abort();
  });
}

main(process.argv.slice(2)).then(
  (text) => exit(text === "" ? "" : `${text}\n`, "", 0),
  (error: unknown) =>
    exit("", `error: ${messageOf(error)}\n`, error instanceof CommandFailure ? error.exitCode : 255),
);

async function main(argv: string[]): Promise<string> {
  const setAll = argv[0] === "config" && argv[1] === "set-all";
  const args = parseArguments(argv, setAll ? ["plaintext", "secret"] : []);
  const { env } = process;
  const [command = "", verb = ""] = args.words;
  switch (command) {
    case "version":
      return VERSION;
    case "about":
      return JSON.stringify({
        cliAbout: { version: VERSION },
        engine: ENGINE_NAME,
        backend: { url: env["PULUMI_BACKEND_URL"] ?? "" },
      });
    case "whoami":
      return JSON.stringify({
        user: userInfo().username,
        organizations: [],
        url: env["PULUMI_BACKEND_URL"] ?? "",
      });
    case "plugin":
      return plugin(verb, env);
    case "login":
    case "logout":
    case "install":
      return "";
    case "up":
    case "preview":
    case "refresh":
    case "destroy":
    case "stack":
    case "config":
    case "cancel":
      break;
    default:
      throw new CommandFailure(`the stand-in does not know the command ${command}`);
  }
  const { openProject, withStacks } = await import("./project.ts");
  const project = openProject(process.cwd(), env);
  return withStacks(project, async (stacks) => {
    const context = { project, stacks, env, cancelled: cancelled.signal };
    if (command === "config") return (await import("./commands/config.ts")).configCommand(args, context);
    if (command === "stack" || command === "cancel") {
      const { cancel, stackCommands } = await import("./commands/stack.ts");
      const run = command === "cancel" ? cancel : stackCommands[verb];
      if (run === undefined) throw new CommandFailure(`the stand-in does not know stack ${verb}`);
      return run(args, context);
    }
    await (await import("./commands/operation.ts")).operate(args, context);
    return "";
  });
}

/** The one plugin there is comes with the stand-in, and cannot be installed or removed. */
function plugin(verb: string, env: NodeJS.ProcessEnv): string {
  if (verb !== "ls") return "";
  const path = join(env["PULUMI_HOME"] ?? join(homedir(), ".pulumi"), "plugins");
  const now = new Date().toISOString();
  return JSON.stringify([
    {
      name: "kubernetes",
      kind: "resource",
      version: KUBERNETES_PLUGIN_VERSION,
      path,
      size: 0,
      installTime: now,
      lastUsedTime: now,
    },
  ]);
}

/** Ends the process once what it said is out; connections of the program that still hang are no reason to stay. */
function exit(out: string, err: string, code: number): void {
  process.stdout.write(out, () => process.stderr.write(err, () => process.exit(code)));
}
