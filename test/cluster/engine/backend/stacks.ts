import { randomUUID } from "node:crypto";
import { hostname, userInfo } from "node:os";
import { CommandFailure } from "../command-failure.ts";
import { VERSION } from "../version.ts";
import type { BlobStore } from "./blob-store.ts";
import type { Deployment, HistoryEntry } from "./state.ts";

/** The stacks of one project in one back end: checkpoints, locks, history. */
export class Stacks {
  readonly project: string;
  readonly #blobs: BlobStore;

  constructor(blobs: BlobStore, project: string) {
    this.#blobs = blobs;
    this.project = project;
  }

  get url(): string {
    return this.#blobs.url;
  }

  async load(stack: string): Promise<Deployment> {
    const text = await this.#blobs.read(this.#checkpoint(stack));
    if (text === undefined) throw new CommandFailure(`no stack named '${stack}' found`);
    return (
      (JSON.parse(text) as { checkpoint: { latest?: Deployment } }).checkpoint.latest ?? emptyDeployment()
    );
  }

  async exists(stack: string): Promise<boolean> {
    return (await this.#blobs.read(this.#checkpoint(stack))) !== undefined;
  }

  async save(stack: string, latest: Deployment): Promise<void> {
    const checkpoint = { stack: `organization/${this.project}/${stack}`, latest };
    await this.#blobs.write(this.#checkpoint(stack), JSON.stringify({ version: 3, checkpoint }, null, 2));
  }

  async remove(stack: string): Promise<void> {
    for (const name of await this.#blobs.list(this.#history(stack))) await this.#blobs.remove(name);
    await this.#blobs.remove(this.#checkpoint(stack));
  }

  async list(): Promise<string[]> {
    const folder = `.pulumi/stacks/${this.project}/`;
    return (await this.#blobs.list(folder)).map((name) => name.slice(folder.length, -".json".length));
  }

  /** Takes the lock, which has neither owner check nor expiry: only `release`, or `cancel` by someone, removes it. */
  async lock(stack: string): Promise<() => Promise<void>> {
    await this.#refuseIfLocked(stack);
    const mine = `${this.#locks(stack)}${randomUUID()}.json`;
    await this.#blobs.write(
      mine,
      JSON.stringify({
        pid: process.pid,
        username: userInfo().username,
        hostname: hostname(),
        timestamp: new Date(),
      }),
    );
    const release = () => this.#blobs.remove(mine);
    try {
      await this.#refuseIfLocked(stack, mine);
    } catch (error) {
      await release();
      throw error;
    }
    return release;
  }

  async #refuseIfLocked(stack: string, mine?: string): Promise<void> {
    const others = (await this.#blobs.list(this.#locks(stack))).filter((name) => name !== mine);
    if (others.length === 0) return;
    const lines = await Promise.all(
      others.map(async (name) => {
        const lock = JSON.parse((await this.#blobs.read(name)) ?? "{}");
        return `  ${this.url}/${name}: created by ${lock.username}@${lock.hostname} (pid ${lock.pid}) at ${lock.timestamp}`;
      }),
    );
    // The SDK tells a concurrent update by the first words.
    throw new CommandFailure(
      `the stack is currently locked by ${others.length} lock(s). Wait for the other process(es) or remove the lock with \`pulumi cancel\`.\n${lines.join("\n")}`,
    );
  }

  async isLocked(stack: string): Promise<boolean> {
    return (await this.#blobs.list(this.#locks(stack))).length > 0;
  }

  async cancel(stack: string): Promise<void> {
    for (const name of await this.#blobs.list(this.#locks(stack))) await this.#blobs.remove(name);
  }

  async addHistory(stack: string, entry: HistoryEntry): Promise<void> {
    const at = String(Date.parse(entry.startTime)).padStart(16, "0");
    await this.#blobs.write(
      `${this.#history(stack)}${at}-${randomUUID()}.history.json`,
      JSON.stringify(entry),
    );
  }

  /** Newest first. */
  async history(stack: string, pageSize: number, page: number): Promise<HistoryEntry[]> {
    const names = (await this.#blobs.list(this.#history(stack))).reverse();
    const wanted = pageSize === 0 ? names : names.slice(pageSize * (page - 1), pageSize * page);
    return Promise.all(
      wanted.map(async (name) => JSON.parse((await this.#blobs.read(name)) ?? "null") as HistoryEntry),
    );
  }

  async historyLength(stack: string): Promise<number> {
    return (await this.#blobs.list(this.#history(stack))).length;
  }

  #checkpoint(stack: string): string {
    return `.pulumi/stacks/${this.project}/${stack}.json`;
  }

  #locks(stack: string): string {
    return `.pulumi/locks/organization/${this.project}/${stack}/`;
  }

  #history(stack: string): string {
    return `.pulumi/history/${this.project}/${stack}/`;
  }
}

export function emptyDeployment(salt?: string): Deployment {
  return {
    manifest: { time: new Date().toISOString(), magic: "", version: VERSION },
    ...(salt === undefined ? {} : { secrets_providers: { type: "passphrase", state: { salt } } as const }),
    metadata: {},
  };
}
