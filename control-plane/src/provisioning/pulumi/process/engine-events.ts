/** Reduces what the engine says to what is kept: which object, what is done to it, how that went, and diagnostics. */
import type { EngineEvent, StepEventMetadata } from "@pulumi/pulumi/automation/index.js";
import type { EngineMessage } from "./operation-job.ts";
import { type Redact, redactWithin } from "./redact.ts";

const TEXT_CHARS_MAX = 2_000;
const KEYS_MAX = 50;

export interface EventReader {
  /** Undefined for what is not worth keeping. */
  read(event: EngineEvent): EngineMessage | undefined;
  /** Resource changes by kind, as the engine counted them at its end, or as they were seen where it did not come to that. */
  changes(): Record<string, number>;
  /** What is planned or done to resources, but for those that stay. */
  readonly steps: readonly Step[];
}

export interface Step {
  readonly op: string;
  /** The provider's word for it, such as `kubernetes:core/v1:Namespace`. */
  readonly type: string;
  /** `Kind/name`. */
  readonly resource: string;
}

/** Of one run of the engine. */
export function createEventReader(redact: Redact): EventReader {
  const steps: Step[] = [];
  const seen: Record<string, number> = {};
  let counted: Record<string, number> | undefined;

  function message(type: EngineMessage["type"], payload: Record<string, unknown>): EngineMessage {
    return { type, payload: redactWithin(payload, redact) as Record<string, unknown> };
  }

  function began({ metadata, planning }: { metadata: StepEventMetadata; planning?: boolean }) {
    if (QUIET.has(metadata.op)) return undefined;
    const step = { op: metadata.op, type: metadata.type, resource: resourceOf(metadata.urn) };
    steps.push(step);
    const { op, resource } = step;
    if (planning !== true) return message("step", { op, resource, status: "started" });
    return message("diff", { op, resource, properties: changedProperties(metadata) });
  }

  return {
    steps,
    changes: () => counted ?? seen,
    read(event) {
      if (event.resourcePreEvent !== undefined) return began(event.resourcePreEvent);
      if (event.resOutputsEvent !== undefined) {
        const { metadata, planning } = event.resOutputsEvent;
        seen[metadata.op] = (seen[metadata.op] ?? 0) + 1;
        if (planning === true || QUIET.has(metadata.op)) return undefined;
        return message("step", { op: metadata.op, resource: resourceOf(metadata.urn), status: "done" });
      }
      if (event.resOpFailedEvent !== undefined) {
        const { op, urn } = event.resOpFailedEvent.metadata;
        return message("step", { op, resource: resourceOf(urn), status: "failed" });
      }
      if (event.diagnosticEvent !== undefined) {
        const { severity, urn, message: text, ephemeral } = event.diagnosticEvent;
        const plain = redact(plainText(text));
        if (ephemeral === true || plain === "" || severity === "info#err") return undefined;
        return message("diagnostic", {
          severity,
          ...(urn === undefined || urn === "" ? {} : { resource: resourceOf(urn) }),
          message: plain.slice(0, TEXT_CHARS_MAX),
        });
      }
      if (event.policyEvent !== undefined) {
        const { policyName, enforcementLevel, message: text, resourceUrn } = event.policyEvent;
        return message("diagnostic", {
          severity: enforcementLevel === "mandatory" ? "error" : "warning",
          ...(resourceUrn === undefined ? {} : { resource: resourceOf(resourceUrn) }),
          message: redact(plainText(`policy ${policyName}: ${text}`)).slice(0, TEXT_CHARS_MAX),
        });
      }
      if (event.summaryEvent !== undefined) counted = { ...event.summaryEvent.resourceChanges };
      return undefined;
    },
  };
}

/** Of these nothing changes. */
const QUIET: ReadonlySet<string> = new Set(["same", "read", "refresh", "read-discard"]);

/** `Kind/name` of a URN (`urn:pulumi:STACK::PROJECT::PARENT$TYPE::NAME`). */
export function resourceOf(urn: string): string {
  const parts = urn.split("::");
  const kind = (parts[2] ?? "").split(/[$:]/).at(-1) ?? "";
  return `${kind}/${parts.slice(3).join("::")}`;
}

function changedProperties({ detailedDiff, diffs }: StepEventMetadata): string[] {
  const properties = detailedDiff == null ? (diffs ?? []) : Object.keys(detailedDiff);
  return properties.slice(0, KEYS_MAX).map((property) => property.slice(0, 200));
}

/** Without the engine's marks of colour, such as `<{%reset%}>`, and those of terminals. */
function plainText(text: string): string {
  return text
    .replace(/<\{%[^%]*%\}>/g, "")
    .replace(new RegExp(`${ESCAPE}\\[[0-9;]*m`, "g"), "")
    .trim();
}

const ESCAPE = String.fromCharCode(27);
