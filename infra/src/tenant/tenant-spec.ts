/** All that the objects of one tenant follow from. */
import {
  clusterSettings,
  firstForm,
  format,
  idOf,
  JOIN_TOKEN_PATTERN,
  schemaOf,
} from "@headgate/sdk/contract";
import { z } from "zod";
import { PLAN_NAMES } from "../plans.ts";

/** By digest: what was reviewed is what runs, whatever becomes of the tag. */
const imageByDigest = z
  .string()
  .max(512)
  .regex(/^[a-z0-9][a-zA-Z0-9./:_-]*@sha256:[0-9a-f]{64}$/, "must be an image by digest");

export const tenantSpec = z.strictObject({
  tenantId: idOf("tenant"),
  /** The first label of the tenant's host name. It may change: no object is named for it. */
  tenantName: z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, "must be a DNS label"),
  dataPlaneId: idOf("dataPlane"),
  plan: z.enum(PLAN_NAMES),
  image: imageByDigest,
  /** What `image` is called by people. */
  imageVersion: z
    .string()
    .regex(/^[a-zA-Z0-9]([a-zA-Z0-9._-]{0,61}[a-zA-Z0-9])?$/, "must be usable as the value of a label"),
  collectorImage: imageByDigest,
  /** Secret. */
  joinSecret: z.string().regex(JOIN_TOKEN_PATTERN),
  cluster: clusterSettings,
});

export type TenantSpec = Readonly<z.infer<typeof tenantSpec>>;

const OUTPUTS_VERSION = 1;
export const TENANT_OUTPUTS_SCHEMA = schemaOf("tenant", OUTPUTS_VERSION);

const outputsV1 = z.strictObject({
  namespace: z.string(),
  /** Where agents outside the cluster call; `serviceUrl` where the cluster has no Gateway. */
  endpointUrl: z.string(),
  /** Where agents inside the cluster call. */
  serviceUrl: z.string(),
  /** `Kind/name` of each object, in the order of their making. */
  objects: z.array(z.string()),
});

/** What a tenant's stack says of itself. Nothing of it is secret. */
export type TenantOutputs = { readonly schema: string } & z.infer<typeof outputsV1>;

/**
 * Reads the outputs of a stack that any release's program has made, as they were kept: what is older is lifted, what is
 * newer refused. Another form of them is a step more here, with a golden file of its own.
 */
export const tenantOutputs = format("tenant", firstForm(outputsV1), {
  newest: OUTPUTS_VERSION,
  statedFrom: 1,
});
