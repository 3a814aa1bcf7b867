import type { V1LabelSelector, V1LabelSelectorRequirement } from "@kubernetes/client-node";

type Labels = Readonly<Record<string, string>>;

/** Whether a label selector selects an object with these labels. The empty selector selects everything. */
export function selects(selector: V1LabelSelector, labels: Labels | undefined): boolean {
  const own = labels ?? {};
  const wanted = Object.entries(selector.matchLabels ?? {});
  return (
    wanted.every(([key, value]) => own[key] === value) &&
    (selector.matchExpressions ?? []).every((requirement) => meets(requirement, own))
  );
}

function meets({ key, operator, values = [] }: V1LabelSelectorRequirement, labels: Labels): boolean {
  const value = labels[key];
  switch (operator) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    default:
      throw new Error(`a label selector has the unknown operator ${operator}`);
  }
}
