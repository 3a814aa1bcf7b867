import { tenantOutputs } from "@headgate/infra";

/**
 * Where agents reach the data plane, by the stack's outputs as they are kept; null before there are any. Throws on those
 * of a newer release, which say what is not understood here.
 */
export function endpointOf(outputs: Readonly<Record<string, unknown>> | null): string | null {
  if (outputs === null) return null;
  const reading = tenantOutputs.read(outputs);
  if (reading.ok) return reading.value.endpointUrl;
  const [issue] = reading.issues;
  throw new Error(`the outputs of a stack cannot be read: ${issue?.path} ${issue?.message}`);
}
