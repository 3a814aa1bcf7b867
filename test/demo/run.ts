/** What the entries share: an orderly end, on Ctrl-C too, and failures without a stack trace where none is needed. */
import { styleText } from "node:util";
import Anthropic from "@anthropic-ai/sdk";
import { isHeadgateError } from "@headgate/sdk";
import OpenAI from "openai";
import { DirectoryInUse } from "../harness/directory-lock.ts";
import { NotInTime } from "../harness/until.ts";
import { Trouble } from "./narrator.ts";

/**
 * Runs `main` to its end or until SIGINT or SIGTERM, then closes what it has put on the stack, last first, and exits
 * with what `main` gave, or with `stopCode`. A terminal and npm may both pass on one Ctrl-C: more of them change nothing.
 */
export async function run(
  main: (stack: AsyncDisposableStack) => Promise<number>,
  stopCode: number,
): Promise<void> {
  const stop = Promise.withResolvers<number>();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      if (!stopping) console.log("\nStopping; calls that still run are finished first.");
      stopping = true;
      stop.resolve(stopCode);
    });
  }
  let stopping = false;
  const stack = new AsyncDisposableStack();
  const code = await Promise.race([main(stack), stop.promise]).catch((error: unknown) => {
    // What fails because everything is being stopped is no news.
    if (!stopping) tell(error);
    return 1;
  });
  stopping = true;
  await stack.disposeAsync();
  process.exit(code);
}

function tell(error: unknown): void {
  if (isForeseeable(error)) console.error(`\n${styleText("red", "headgate:")} ${error.message}`);
  else console.error(error);
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
