import type { ResourceState } from "../backend/state.ts";
import { type JsonObject, masked } from "../wire.ts";
import { partsOfUrn } from "./urn.ts";

export type Op =
  | "same"
  | "create"
  | "update"
  | "delete"
  | "replace"
  | "create-replacement"
  | "delete-replaced"
  | "read"
  | "refresh";
export type Severity = "info" | "info#err" | "warning" | "error" | "debug";

/** One act on one resource, as events tell of it. */
export type Step = {
  op: Op;
  readonly urn: string;
  readonly type: string;
  readonly old?: ResourceState | undefined;
  new?: ResourceState | undefined;
  /** Part of a replacement: told, but not counted. */
  readonly replacing?: boolean;
  readonly keys?: string[];
  readonly diffs?: string[];
  readonly detailedDiff?: JsonObject;
};

type Send = (event: string) => void;

/** Tells the SDK, and people on standard output, what happens; and counts it. */
export class Events {
  readonly changes: Record<string, number> = {};
  readonly #send: Send;
  readonly #print: (line: string) => void;
  readonly #planning: boolean;
  readonly #diagnostics: { urn: string; text: string }[] = [];
  #sequence = 0;

  constructor(options: { send: Send; print: (line: string) => void; planning: boolean }) {
    this.#send = options.send;
    this.#print = options.print;
    this.#planning = options.planning;
  }

  prelude(config: Record<string, string>): void {
    this.#emit({ preludeEvent: { config } });
  }

  begun(step: Step): void {
    if (step.op !== "same")
      this.#print(` ${sign(step.op)}  ${step.type} ${partsOfUrn(step.urn).name} ${verb(step.op)}`);
    this.#emit({ resourcePreEvent: { metadata: metadataOf(step), planning: this.#planning } });
  }

  done(step: Step): void {
    if (step.replacing !== true) this.changes[step.op] = (this.changes[step.op] ?? 0) + 1;
    this.told(step);
  }

  /** Like `done`, of something that is not counted: outputs of a component that come later. */
  told(step: Step): void {
    this.#emit({ resOutputsEvent: { metadata: metadataOf(step), planning: this.#planning } });
  }

  failed(step: Step): void {
    this.#print(` ${sign(step.op)}  ${step.type} ${partsOfUrn(step.urn).name} ${verb(step.op)} **failed**`);
    this.#emit({ resOpFailedEvent: { metadata: metadataOf(step), status: 1, steps: 1 } });
  }

  diagnostic(severity: Severity, message: string, urn = "", ephemeral = false): void {
    if (!ephemeral && severity !== "debug") this.#diagnostics.push({ urn, text: `${severity}: ${message}` });
    const prefix = `<{%reset%}>${severity}: <{%reset%}>`;
    this.#emit({
      diagnosticEvent: {
        ...(urn === "" ? {} : { urn }),
        prefix,
        message: `<{%reset%}>${message}<{%reset%}>\n`,
        color: "raw",
        severity,
        streamID: 0,
        ephemeral,
      },
    });
  }

  summary(startedAt: number): void {
    if (this.#diagnostics.length > 0) {
      this.#print("Diagnostics:");
      for (const { urn, text } of this.#diagnostics) {
        const { type, name } = partsOfUrn(urn);
        this.#print(`  ${type} (${name}):\n    ${text.trim()}`);
      }
    }
    const durationSeconds = Math.round((Date.now() - startedAt) / 1_000);
    this.#print("Resources:");
    for (const [op, count] of Object.entries(this.changes))
      this.#print(`    ${sign(op as Op)} ${count} ${op}`);
    this.#print(`Duration: ${durationSeconds}s`);
    const resourceChanges = { ...this.changes };
    this.#emit({
      summaryEvent: {
        maybeCorrupt: false,
        durationSeconds,
        resourceChanges,
        PolicyPacks: {},
        isPreview: this.#planning,
      },
    });
    this.#emit({ cancelEvent: {} });
  }

  #emit(body: object): void {
    const event = { sequence: this.#sequence, timestamp: Math.floor(Date.now() / 1_000), ...body };
    this.#sequence += 1;
    this.#send(JSON.stringify(event));
  }
}

function metadataOf(step: Step): JsonObject {
  const state = (resource: ResourceState | undefined): JsonObject | null =>
    resource === undefined
      ? null
      : {
          type: resource.type,
          urn: resource.urn,
          custom: resource.custom,
          ...(resource.delete === true ? { delete: true } : {}),
          id: resource.id ?? "",
          parent: resource.parent ?? "",
          ...(resource.protect === true ? { protect: true } : {}),
          ...(resource.retainOnDelete === true ? { retainOnDelete: true } : {}),
          inputs: masked(resource.inputs),
          outputs: masked(resource.outputs),
          provider: resource.provider ?? "",
          ...(resource.initErrors === undefined ? {} : { initErrors: resource.initErrors }),
        };
  return {
    op: step.op,
    urn: step.urn,
    type: step.type,
    old: state(step.old),
    new: state(step.new),
    ...(step.keys === undefined ? {} : { keys: step.keys }),
    ...(step.diffs === undefined ? {} : { diffs: step.diffs }),
    detailedDiff: step.detailedDiff ?? null,
    ...(step.replacing === true ? {} : { logical: true }),
    provider: step.new?.provider ?? step.old?.provider ?? "",
  };
}

function sign(op: Op): string {
  const signs: Partial<Record<Op, string>> = {
    create: "+",
    update: "~",
    delete: "-",
    replace: "+-",
    read: ">",
    refresh: "~",
  };
  return signs[op] ?? (op === "create-replacement" ? "++" : op === "delete-replaced" ? "--" : " ");
}

function verb(op: Op): string {
  const verbs: Partial<Record<Op, string>> = {
    create: "creating",
    update: "updating",
    delete: "deleting",
    read: "reading",
    refresh: "refreshing",
  };
  return verbs[op] ?? op;
}
