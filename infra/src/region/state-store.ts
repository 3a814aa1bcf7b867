import { ComponentResource, type ComponentResourceOptions, interpolate, type Output } from "@pulumi/pulumi";
import { PrivateBucket } from "./private-bucket.ts";

export interface StateStoreArgs {
  readonly accountId: string;
  readonly awsRegion: string;
  readonly keyArn: Output<string>;
}

/** Long enough to find out that a stack was damaged. */
const VERSIONS_KEPT_DAYS = 180;

/**
 * State of the tenants' stacks: a bucket, not the control plane's database. Pods sign in by Pod Identity, so there is
 * no password to hold or rotate; every write keeps the version before it; and restoring the database to an earlier
 * time does not make Pulumi forget what exists.
 */
export class StateStore extends ComponentResource {
  readonly arn: Output<string>;
  /** As `PULUMI_BACKEND_URL` takes it. */
  readonly backendUrl: Output<string>;
  /** As `pulumi stack init --secrets-provider` takes it. */
  readonly secretsProvider: Output<string>;

  constructor(name: string, args: StateStoreArgs, options?: ComponentResourceOptions) {
    super("headgate:region:StateStore", name, {}, options);
    const bucket = new PrivateBucket(
      `${name}-state`,
      {
        bucketName: `${name}-state-${args.accountId}`,
        keyArn: args.keyArn,
        forgetVersionsDays: VERSIONS_KEPT_DAYS,
      },
      { parent: this },
    );
    this.arn = bucket.arn;
    this.backendUrl = interpolate`s3://${bucket.bucketName}?region=${args.awsRegion}&awssdk=v2`;
    this.secretsProvider = interpolate`awskms:///${args.keyArn}?region=${args.awsRegion}`;
    this.registerOutputs({ backendUrl: this.backendUrl });
  }
}
