import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type ConfigMap,
  type EngineEvent,
  LocalWorkspace,
  PulumiCommand,
  type PulumiFn,
  type Stack,
} from "@pulumi/pulumi/automation/index.js";
import type { Deployment } from "../backend/state.ts";

const ENGINE = join(import.meta.dirname, "..");

/** Asked for its version once, not by every stack. */
const command = PulumiCommand.get({ root: ENGINE });

export type StackOptions = {
  readonly backendUrl?: string;
  readonly config?: ConfigMap;
  readonly env?: Record<string, string>;
};

/** A stack of the real SDK over this engine, with state of its own; the program may be changed between operations. */
export class StackUnderTest implements Disposable {
  readonly stack: Stack;
  readonly folder: string;
  readonly events: EngineEvent[] = [];

  private constructor(stack: Stack, folder: string) {
    this.stack = stack;
    this.folder = folder;
  }

  static async create(
    program: PulumiFn,
    { backendUrl, config, env }: StackOptions = {},
  ): Promise<StackUnderTest> {
    const folder = mkdtempSync(join(tmpdir(), "headgate-engine-"));
    const stack = await LocalWorkspace.createOrSelectStack(
      { stackName: "tried", projectName: "engine-test", program },
      {
        pulumiCommand: await command,
        envVars: {
          PULUMI_CONFIG_PASSPHRASE: "a passphrase",
          PULUMI_BACKEND_URL: backendUrl ?? `file://${folder}`,
          PULUMI_HOME: join(folder, "home"),
          ...env,
        },
      },
    );
    if (config !== undefined) await stack.setAllConfig(config);
    return new StackUnderTest(stack, folder);
  }

  set program(program: PulumiFn) {
    this.stack.workspace.program = program;
  }

  readonly onEvent = (event: EngineEvent): void => {
    this.events.push(event);
  };

  /** The errors and warnings that events told, without their markup; forgets them. */
  diagnostics(severity: "error" | "warning"): string[] {
    const told = this.events.flatMap(({ diagnosticEvent }) =>
      diagnosticEvent?.severity === severity ? [diagnosticEvent.message] : [],
    );
    this.events.length = 0;
    return told.map((text) => text.replaceAll(/<\{%.*?%\}>/g, "").trim());
  }

  get stateText(): string {
    return readFileSync(join(this.folder, ".pulumi", "stacks", "engine-test", "tried.json"), "utf8");
  }

  get state(): Deployment {
    return JSON.parse(this.stateText).checkpoint.latest;
  }

  get isLocked(): boolean {
    const locks = join(this.folder, ".pulumi", "locks", "organization", "engine-test", "tried");
    return existsSync(locks) && readdirSync(locks).length > 0;
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
