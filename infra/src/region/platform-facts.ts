import type { PlatformConfig } from "../platform/platform-config.ts";
import { baseFacts } from "./base-facts.ts";
import type { RegionOutputs } from "./region-outputs.ts";

/** What of the `platform` program's configuration follows from the region; the rest is the platform team's choice. */
export type PlatformFacts = Pick<
  PlatformConfig,
  "region" | "publicUrl" | "database" | "pulumi" | "workerEgress" | "apiEgress" | "apiServer"
>;

/** Where pods fetch the credentials of their role: a fixed address of every node. */
const POD_IDENTITY = { cidrs: ["169.254.170.23/32"], port: 80 };
/** S3 and the issuer's published keys have no networks of their own to name. */
const ANY_TLS = { cidrs: ["0.0.0.0/0"], port: 443 };

/** The region's part of the `platform` configuration. */
export function platformFacts(region: RegionOutputs): PlatformFacts {
  return {
    region: region.name,
    publicUrl: `https://api.${region.domain}`,
    database: {
      kind: "external",
      secret: "headgate-database",
      logins: ["headgate_api", "headgate_worker"],
      caConfigMap: "headgate-database-ca",
      cidrs: region.intraCidrs,
      port: region.dbPort,
    },
    pulumi: { backend: region.stateBackendUrl },
    workerEgress: [POD_IDENTITY, ANY_TLS],
    apiEgress: [POD_IDENTITY, ANY_TLS],
    apiServer: baseFacts(region).apiServer,
  };
}
