/**
 * What usage is told apart by, beside its minute: each column, which has the name of the event's member, and its name in
 * the API. The one list of these; a label that the agent does not have is the empty string.
 */
import type { LABEL_NAMES, UsageEvent } from "@headgate/sdk/contract";

const GROUP_OF_COLUMN = {
  agent_id: "agent",
  team: "team",
  cost_center: "cost_center",
  department: "department",
  provider_id: "provider",
  vendor: "vendor",
  model: "model",
  upstream_model: "upstream_model",
  endpoint: "endpoint",
} as const;

export type UsageColumn = keyof typeof GROUP_OF_COLUMN;
/** What reports group by. */
export type GroupName = (typeof GROUP_OF_COLUMN)[UsageColumn];

/** In the order of keys and of what is shown. */
export const USAGE_COLUMNS = Object.keys(GROUP_OF_COLUMN) as UsageColumn[];

export const COLUMN_OF_GROUP = Object.fromEntries(
  USAGE_COLUMNS.map((column) => [GROUP_OF_COLUMN[column], column]),
) as Record<GroupName, UsageColumn>;

type Label = (typeof LABEL_NAMES)[number];

export function usageColumnsOf(event: UsageEvent): Record<UsageColumn, string> {
  const said: Record<Exclude<UsageColumn, Label>, string> & { [Name in Label]?: string | undefined } = {
    ...event.labels,
    ...event.subject,
    agent_id: event.agent_id,
  };
  return Object.fromEntries(USAGE_COLUMNS.map((column) => [column, said[column] ?? ""])) as Record<
    UsageColumn,
    string
  >;
}
