import { CommandFailure } from "./command-failure.ts";

/** One call of the CLI: its words, and its flags by name without dashes. */
export type Arguments = {
  readonly words: string[];
  readonly flags: ReadonlyMap<string, string[]>;
};

const SHORT: Record<string, string> = {
  s: "stack",
  m: "message",
  p: "parallel",
  y: "yes",
  r: "refresh",
  C: "cwd",
  j: "json",
  f: "force",
};

const WITH_VALUE = new Set(
  "stack target message client exec-kind exec-agent event-log parallel color config-file secrets-provider file page-size page verbose tracing cwd server".split(
    " ",
  ),
);

const WITHOUT_VALUE = new Set(
  (
    "yes skip-preview non-interactive json show-secrets refresh expect-no-changes diff force preserve-config preview-only clear-pending-creates " +
    "run-program target-dependents debug logflow logtostderr suppress-outputs suppress-progress all plaintext secret no-select local reinstall no-plugins no-dependencies"
  ).split(" "),
);

/**
 * Reads a command line as the SDK writes them. A flag that is not known here is refused by name: a test must not
 * pass because the stand-in did not understand what was asked.
 */
export function parseArguments(argv: readonly string[], alsoWithValue: readonly string[] = []): Arguments {
  const words: string[] = [];
  const flags = new Map<string, string[]>();
  for (let at = 0; at < argv.length; at += 1) {
    const text = argv[at] ?? "";
    if (text === "--") {
      words.push(...argv.slice(at + 1));
      break;
    }
    const match = /^(?:--([a-z-]+)|-([a-zA-Z]))(?:=(.*))?$/s.exec(text);
    if (match === null) {
      words.push(text);
      continue;
    }
    const [, long, short, inline] = match;
    const name = long ?? SHORT[short ?? ""] ?? short ?? "";
    const takesValue = WITH_VALUE.has(name) || alsoWithValue.includes(name);
    if (!takesValue && !WITHOUT_VALUE.has(name))
      throw new CommandFailure(`the stand-in does not know the flag ${text}`);
    if (takesValue && inline === undefined) at += 1;
    const value = inline ?? (takesValue ? argv[at] : "true");
    if (value === undefined) throw new CommandFailure(`flag needs an argument: ${text}`);
    flags.set(name, [...(flags.get(name) ?? []), value]);
  }
  return { words, flags };
}

export function flag(args: Arguments, name: string): string | undefined {
  return args.flags.get(name)?.at(-1);
}

export function isSet(args: Arguments, name: string): boolean {
  const value = flag(args, name);
  return value !== undefined && value !== "false";
}
