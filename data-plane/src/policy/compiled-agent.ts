import type { Id, LabelName, PolicyInput, UsageLabels } from "@headgate/sdk/contract";

export interface CompiledAgent {
  readonly id: Id<"agent">;
  readonly name: string;
  readonly labels: Readonly<Partial<Record<LabelName, string>>>;
  /** The labels that usage is reported by. */
  readonly usageLabels: UsageLabels;
  /** What rules see of it. */
  readonly input: PolicyInput["agent"];
  readonly disabled: boolean;
}
