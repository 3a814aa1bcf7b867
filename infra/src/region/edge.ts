import * as acm from "@pulumi/aws/acm/index.js";
import * as route53 from "@pulumi/aws/route53/index.js";
import { ComponentResource, type ComponentResourceOptions, type Output } from "@pulumi/pulumi";

export interface EdgeArgs {
  readonly domain: string;
  /** A zone of the same account that delegates to the region's; without one somebody does it by hand. */
  readonly parentZoneId: string | undefined;
  /** Name of the load balancer that the gateway controller made; only known once the base program has run. */
  readonly gatewayHostname: string | undefined;
}

/**
 * Names and certificate of a region: its zone, a certificate for all its names, and, once there is a load balancer,
 * the wildcard record and a health check of the API. The load balancer is a network one, made in the cluster, so that
 * long streams are not cut; that is also why there is no WAF, which cannot sit before one.
 */
export class Edge extends ComponentResource {
  readonly zoneId: Output<string>;
  readonly nameServers: Output<string[]>;
  /** Valid once DNS has proven the domain. */
  readonly certificateArn: Output<string>;

  constructor(name: string, args: EdgeArgs, options?: ComponentResourceOptions) {
    super("headgate:region:Edge", name, {}, options);
    const parent = { parent: this };
    const zone = new route53.Zone(
      name,
      {
        name: args.domain,
        comment: "Headgate: the control plane and all tenants of the region",
        forceDestroy: false,
      },
      { parent: this, protect: true },
    );
    const inZone = { zoneId: zone.zoneId };
    new route53.Record(
      `${name}-caa`,
      { ...inZone, name: args.domain, type: "CAA", ttl: 3_600, records: ['0 issue "amazon.com"'] },
      parent,
    );
    const delegation =
      args.parentZoneId === undefined
        ? []
        : [
            new route53.Record(
              `${name}-delegation`,
              {
                zoneId: args.parentZoneId,
                name: args.domain,
                type: "NS",
                ttl: 3_600,
                records: zone.nameServers,
              },
              parent,
            ),
          ];
    const certificate = new acm.Certificate(
      name,
      {
        domainName: args.domain,
        subjectAlternativeNames: [`*.${args.domain}`],
        validationMethod: "DNS",
        keyAlgorithm: "EC_prime256v1",
        // Exportable, because the gateway in the cluster ends TLS: through the load balancer it passes unopened.
        options: { certificateTransparencyLoggingPreference: "ENABLED", export: "ENABLED" },
      },
      parent,
    );
    // The domain and its wildcard are proven by one and the same record.
    const proof = certificate.domainValidationOptions.apply((proofs) => {
      const [first] = proofs;
      if (first === undefined) throw new Error("the certificate names no record to prove the domain by");
      return first;
    });
    const proven = new route53.Record(
      `${name}-proof`,
      {
        ...inZone,
        name: proof.resourceRecordName,
        type: proof.resourceRecordType,
        records: [proof.resourceRecordValue],
        ttl: 300,
        allowOverwrite: true,
      },
      parent,
    );
    const validation = new acm.CertificateValidation(
      name,
      { certificateArn: certificate.arn, validationRecordFqdns: [proven.fqdn] },
      { parent: this, dependsOn: delegation, customTimeouts: { create: "60m" } },
    );
    if (args.gatewayHostname !== undefined)
      this.pointTo(name, zone, { ...args, gatewayHostname: args.gatewayHostname });
    this.zoneId = zone.zoneId;
    this.nameServers = zone.nameServers;
    this.certificateArn = validation.certificateArn;
    this.registerOutputs({ zoneId: this.zoneId });
  }

  private pointTo(name: string, zone: route53.Zone, args: EdgeArgs & { gatewayHostname: string }): void {
    new route53.Record(
      `${name}-tenants`,
      {
        zoneId: zone.zoneId,
        name: `*.${args.domain}`,
        type: "CNAME",
        ttl: 60,
        records: [args.gatewayHostname],
      },
      { parent: this },
    );
    new route53.HealthCheck(
      `${name}-api`,
      {
        type: "HTTPS",
        fqdn: `api.${args.domain}`,
        port: 443,
        resourcePath: "/trpc/system.info",
        enableSni: true,
        requestInterval: 30,
        failureThreshold: 3,
        measureLatency: true,
        tags: { Name: `${name}-api` },
      },
      { parent: this },
    );
  }
}
