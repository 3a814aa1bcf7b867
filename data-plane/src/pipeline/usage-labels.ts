/** The labels of an agent that its usage is reported by, as they are in the policy of the moment. */
import type { UsageLabels } from "@headgate/sdk/contract";
import type { CompiledAgent } from "../policy/compiled-policy.ts";

const LABELS = new WeakMap<CompiledAgent, UsageLabels>();

export function usageLabels(agent: CompiledAgent): UsageLabels {
  const known = LABELS.get(agent);
  if (known !== undefined) return known;
  const { team, cost_center, department } = agent.labels;
  const labels: UsageLabels = {};
  if (team !== undefined) labels.team = team;
  if (cost_center !== undefined) labels.cost_center = cost_center;
  if (department !== undefined) labels.department = department;
  LABELS.set(agent, labels);
  return labels;
}
