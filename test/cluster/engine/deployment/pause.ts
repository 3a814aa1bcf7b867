import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Where a test wants the engine to stand still: at the n-th step, before the API is called (its pending operation is
 * written) or after (its result is not). `3:before`, `2:after-create`, `1:before@some-stack`; given in
 * PULUMI_TEST_PAUSE_AT, or in a file that it names with "@", which is taken away once used.
 */
export class Pause {
  readonly #wanted: { at: number; phase: string; op: string | undefined } | undefined;
  readonly #file: string | undefined;
  readonly #marker: string | undefined;
  #count = 0;
  #used = false;

  constructor(env: NodeJS.ProcessEnv, stack: string) {
    const setting = env["PULUMI_TEST_PAUSE_AT"] ?? "";
    this.#file = setting.startsWith("@") ? setting.slice(1) : undefined;
    const text =
      this.#file === undefined ? setting : existsSync(this.#file) ? readFileSync(this.#file, "utf8") : "";
    this.#marker =
      env["PULUMI_TEST_MARKER"] ?? (this.#file === undefined ? undefined : `${this.#file}.paused`);
    const match = /^(\d+):(before|after)(?:-([a-z]+))?(?:@(.+))?$/.exec(text.trim());
    if (text.trim() !== "" && match === null) throw new Error(`PULUMI_TEST_PAUSE_AT cannot be read: ${text}`);
    if (match === null || (match[4] !== undefined && match[4] !== stack)) return;
    this.#wanted = { at: Number(match[1]), phase: match[2] ?? "", op: match[3] };
  }

  /** Whether steps must run one by one, so that the n-th is always the same. */
  get isArmed(): boolean {
    return this.#wanted !== undefined;
  }

  /** Counts a step; the two calls it gives stand still if this is the one. They return when the marker is removed. */
  step(op: string, urn: string): { before: () => Promise<void>; after: () => Promise<void> } {
    const wanted = this.#wanted;
    const counts = wanted !== undefined && (wanted.op === undefined || op.startsWith(wanted.op));
    if (counts) this.#count += 1;
    const isThis = counts && this.#count === wanted.at && !this.#used;
    const standStill = (phase: string) =>
      isThis && wanted.phase === phase ? this.#stand(phase, op, urn) : Promise.resolve();
    return { before: () => standStill("before"), after: () => standStill("after") };
  }

  async #stand(phase: string, op: string, urn: string): Promise<void> {
    this.#used = true;
    const marker = this.#marker;
    if (marker === undefined) throw new Error("PULUMI_TEST_MARKER must name the marker file");
    if (this.#file !== undefined) rmSync(this.#file, { force: true });
    writeFileSync(
      marker,
      JSON.stringify({ pid: process.pid, parent_pid: process.ppid, step: this.#count, phase, op, urn }),
    );
    while (existsSync(marker)) await sleep(20);
  }
}
