import {
  CustomResource,
  type CustomResourceOptions,
  type Input,
  type Output,
  ProviderResource,
  type ResourceOptions,
  secret,
} from "@pulumi/pulumi";

type ObjectArgs = { metadata: Record<string, unknown>; [field: string]: unknown };

/** A provider as `@pulumi/kubernetes` registers one. */
export class ClusterProvider extends ProviderResource {
  constructor(kubeconfig: string, args: Record<string, Input<unknown>> = {}, options?: ResourceOptions) {
    const flags = Object.entries(args).map(([key, value]) => [
      key,
      typeof value === "boolean" ? JSON.stringify(value) : value,
    ]);
    super("kubernetes", "cluster", { kubeconfig: secret(kubeconfig), ...Object.fromEntries(flags) }, options);
  }
}

/** An object as the classes of `@pulumi/kubernetes` register theirs: `new ClusterObject("v1", "ConfigMap", ...)`. */
export class ClusterObject extends CustomResource {
  declare readonly metadata: Output<{ name: string; namespace: string; uid: string }>;
  declare readonly data: Output<Record<string, string>>;

  constructor(
    apiVersion: string,
    kind: string,
    args: ObjectArgs & { resourceName?: string },
    options?: CustomResourceOptions,
  ) {
    const { resourceName = String(args.metadata["name"] ?? kind), ...inputs } = args;
    const module = apiVersion.includes("/") ? apiVersion : `core/${apiVersion}`;
    super(
      `kubernetes:${module}:${kind}`,
      resourceName,
      { apiVersion, kind, data: undefined, ...inputs },
      { version: "4.34.2", ...options },
    );
  }
}
