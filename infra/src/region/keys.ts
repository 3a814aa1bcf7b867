import * as kms from "@pulumi/aws/kms/index.js";
import { ComponentResource, type ComponentResourceOptions, type Output } from "@pulumi/pulumi";
import { iamDocument, type Statement } from "./iam-document.ts";

/** What the region encrypts, each under a key of its own, so that each can be withdrawn and audited alone. */
export const keyPurposes = {
  cluster: "Kubernetes Secrets of the cluster",
  database: "The control plane's database and its master password",
  counters: "Shared counters",
  files: "Shared files of data planes",
  audit: "The audit store",
  state: "State and secrets of Pulumi stacks",
  secrets: "Secrets of the platform: the control plane's envelope key",
  logs: "Logs",
} as const;
export type KeyPurpose = keyof typeof keyPurposes;

export interface KeysArgs {
  readonly accountId: string;
  readonly awsRegion: string;
}

/** The region's KMS keys. They rotate by themselves every year; a deleted key can be restored for 30 days. */
export class Keys extends ComponentResource {
  readonly arns: Readonly<Record<KeyPurpose, Output<string>>>;

  constructor(name: string, args: KeysArgs, options?: ComponentResourceOptions) {
    super("headgate:region:Keys", name, {}, options);
    const make = (purpose: KeyPurpose) =>
      makeKey(
        `${name}-${purpose}`,
        {
          accountId: args.accountId,
          description: keyPurposes[purpose],
          statements: purpose === "logs" ? [logService(args)] : [],
        },
        this,
      );
    this.arns = {
      cluster: make("cluster"),
      database: make("database"),
      counters: make("counters"),
      files: make("files"),
      audit: make("audit"),
      state: make("state"),
      secrets: make("secrets"),
      logs: make("logs"),
    };
    this.registerOutputs({ arns: this.arns });
  }
}

export interface KeyArgs {
  readonly accountId: string;
  readonly description: string;
  readonly statements?: readonly Statement[];
  /** Another AWS region than the provider's. */
  readonly region?: string;
}

/** A key whose use is granted by IAM policies of its account; `statements` add services that act by themselves. */
export function makeKey(name: string, args: KeyArgs, parent: ComponentResource): Output<string> {
  const elsewhere = args.region === undefined ? {} : { region: args.region };
  const key = new kms.Key(
    name,
    {
      description: args.description,
      enableKeyRotation: true,
      deletionWindowInDays: 30,
      policy: iamDocument([
        {
          sid: "AccountDecides",
          principals: { AWS: `arn:aws:iam::${args.accountId}:root` },
          actions: ["kms:*"],
          resources: ["*"],
        },
        ...(args.statements ?? []),
      ]),
      ...elsewhere,
    },
    { parent, protect: true },
  );
  new kms.Alias(name, { name: `alias/${name}`, targetKeyId: key.keyId, ...elsewhere }, { parent });
  return key.arn;
}

function logService({ accountId, awsRegion }: KeysArgs): Statement {
  return {
    sid: "LogsOfThisAccount",
    principals: { Service: `logs.${awsRegion}.amazonaws.com` },
    actions: ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
    resources: ["*"],
    conditions: {
      ArnLike: { "kms:EncryptionContext:aws:logs:arn": `arn:aws:logs:${awsRegion}:${accountId}:log-group:*` },
    },
  };
}
