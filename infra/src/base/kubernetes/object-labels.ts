import { LABELS } from "../../names.ts";

/** What every object of ours carries. `name` is the part that the object belongs to. */
export function objectLabels(name: string, region: string): Record<string, string> {
  return {
    "app.kubernetes.io/name": name,
    "app.kubernetes.io/part-of": "headgate",
    "app.kubernetes.io/managed-by": "pulumi",
    [LABELS.region]: region,
  };
}

/** What selects the pods of a part; selectors cannot be changed later, so nothing else belongs in them. */
export function selectorLabels(name: string): Record<string, string> {
  return { "app.kubernetes.io/name": name };
}
