/** What the entries share: an orderly end, on Ctrl-C too, and failures without a stack trace where none is needed. */
import { once } from "node:events";
import { styleText } from "node:util";
import Anthropic from "@anthropic-ai/sdk";
import { DirectoryInUse } from "@headgate/control-plane/directory-lock";
import { isHeadgateError } from "@headgate/sdk";
import OpenAI from "openai";
import { NotInTime } from "../harness/until.ts";
import { Trouble } from "./narrator.ts";

export interface RunOptions {
  /** The exit code when it is stopped. */
  readonly stopCode: number;
  /** Told after a failure: how to go on. */
  readonly goOn: string;
}

/**
 * Runs `main` to its end or until SIGINT or SIGTERM, then closes what it has put on the stack, last first, and exits
 * with what `main` gave. A terminal and npm may both pass on one Ctrl-C: more of them change nothing.
 */
export async function run(
  { stopCode, goOn }: RunOptions,
  main: (stack: AsyncDisposableStack, stop: AbortSignal) => Promise<number>,
): Promise<void> {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => stop.abort());
  const stopped = once(stop.signal, "abort").then(() => {
    console.log("\nStopping; calls that still run are finished first.");
    return stopCode;
  });
  const stack = new AsyncDisposableStack();
  const code = await Promise.race([main(stack, stop.signal), stopped]).catch((error: unknown) => {
    console.error(isForeseeable(error) ? `\n${styleText("red", "headgate:")} ${error.message}` : error);
    console.error(`\n${goOn}`);
    return 1;
  });
  await stack.disposeAsync();
  process.exit(code);
}

/** Their message says all; of everything else the stack is wanted. */
function isForeseeable(error: unknown): error is Error {
  return (
    error instanceof Trouble ||
    error instanceof DirectoryInUse ||
    error instanceof NotInTime ||
    isHeadgateError(error) ||
    error instanceof OpenAI.APIError ||
    error instanceof Anthropic.APIError
  );
}
