/** What the `platform` program tells others about the control plane that it made. */
import { z } from "zod";
import { type Manifest, manifestTitle } from "../manifest.ts";
import { SYSTEM_NAMESPACES } from "../names.ts";
import { API_PORT } from "./control-plane-pod.ts";
import type { PlatformConfig } from "./platform-config.ts";

export const platformOutputs = z.strictObject({
  schema: z.literal("headgate.platform/1"),
  namespace: z.string(),
  imageVersion: z.string(),
  publicUrl: z.string(),
  /** Where it is called within the cluster. */
  serviceUrl: z.string(),
  /** The user name of the worker, which `base` must have among its provisioners. */
  provisioner: z.string(),
  /** `kind/namespace/name` of everything in the stack. */
  objects: z.array(z.string()),
});

export type PlatformOutputs = Readonly<z.infer<typeof platformOutputs>>;

export function describePlatform(config: PlatformConfig, manifests: readonly Manifest[]): PlatformOutputs {
  const namespace = SYSTEM_NAMESPACES.system;
  return platformOutputs.parse({
    schema: "headgate.platform/1",
    namespace,
    imageVersion: config.imageVersion,
    publicUrl: config.publicUrl,
    serviceUrl: `http://api.${namespace}.svc:${API_PORT}`,
    provisioner: `system:serviceaccount:${namespace}:worker`,
    objects: manifests.map(manifestTitle),
  });
}
