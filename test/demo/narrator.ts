/** Tells what happens, a line a step with the time it took, in at most 90 columns; on a terminal also while it runs. */
import { once } from "node:events";
import { styleText } from "node:util";
import { Listr, Spinner } from "listr2";

export const WIDTH = 88;

/** Where the mark of a finished step will stand. */
class IndentedSpinner extends Spinner {
  override fetch(): string {
    return `  ${super.fetch()}`;
  }
}

/** The line of a step that runs goes when it is over, and is not printed where there is no terminal. */
const SHOWING = {
  fallbackRenderer: "silent",
  rendererOptions: { clearOutput: true, spinner: new IndentedSpinner() },
  registerSignalListeners: false,
} as const;

export interface Narrator {
  heading(text: string): void;
  /** Plain lines below the last step. */
  say(...lines: readonly string[]): void;
  /** Runs the step; what it returns, if a text, is added to its line. Failures are told and passed on. */
  step<T>(text: string, run: () => Promise<T>): Promise<T>;
  /** A step that shows something: `expected` false is told as a failure and remembered in `failures`. */
  check(text: string, expected: boolean, detail?: string): void;
  readonly failures: readonly string[];
}

/** A failure that needs no stack trace: its message says all. */
export class Trouble extends Error {}

/** `stop` ends the showing of a step that runs: until then its line holds back what others print. */
export function createNarrator(stop: AbortSignal): Narrator {
  const failures: string[] = [];
  const stopped = once(stop, "abort");
  const line = (mark: string, text: string, right: string) => {
    const room = WIDTH - 4 - right.length;
    const shown = text.length > room ? `${text.slice(0, room - 1)}…` : text.padEnd(room);
    console.log(`  ${mark} ${shown}${styleText("dim", right)}`);
  };
  return {
    failures,
    heading: (text) => console.log(`\n${styleText("bold", text)}`),
    say: (...lines) => {
      for (const text of lines) console.log(text === "" ? "" : `    ${text}`);
    },
    step: async (text, run) => {
      const started = performance.now();
      try {
        const running = run();
        const shown = { title: text, task: () => Promise.race([running, stopped]).then(() => undefined) };
        await new Listr([shown], SHOWING).run();
        const result = await running;
        const detail = typeof result === "string" ? `: ${result}` : "";
        line(styleText("green", "✓"), text + detail, `${Math.round(performance.now() - started)} ms`);
        return result;
      } catch (error) {
        line(styleText("red", "✗"), text, `${Math.round(performance.now() - started)} ms`);
        throw error;
      }
    },
    check: (text, expected, detail = "") => {
      if (!expected) failures.push(text);
      const mark = expected ? styleText("green", "✓") : styleText("red", "✗");
      line(mark, text, detail);
    },
  };
}

/** Columns as wide as they need be; those whose every cell is a number are aligned to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? "").length)));
  const numeric = head.map((_, column) => rows.every((row) => /^[$\d.,–-]*$/.test(row[column] ?? "")));
  const format = (row: readonly string[]) =>
    row
      .map((cell, column) =>
        numeric[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join("  ")
      .trimEnd();
  return [styleText("dim", format(head)), ...rows.map(format)];
}
