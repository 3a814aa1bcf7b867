/** What is read of the outputs that a tenant's program gave (`TenantOutputs` of `@headgate/infra`), as they are stored. */

/** Where agents reach the data plane; null before there are outputs. */
export function endpointOf(outputs: Readonly<Record<string, unknown>> | null): string | null {
  const url = outputs?.["endpointUrl"];
  return typeof url === "string" ? url : null;
}
