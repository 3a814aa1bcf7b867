import { at, listAt } from "../values.ts";
import { demandByType, on, type ResourceRule } from "./aws-resource.ts";
import { concernsEverybody, type PolicyStatement, readStatements } from "./policy-document.ts";

/** Policies of identities: what somebody may do. */
const IDENTITY_POLICIES = [
  "aws:iam/policy:Policy",
  "aws:iam/rolePolicy:RolePolicy",
  "aws:iam/groupPolicy:GroupPolicy",
  "aws:iam/userPolicy:UserPolicy",
];

/** Properties that say who may come in, by the resource's type. */
const RESOURCE_POLICIES: Readonly<Record<string, string>> = {
  "aws:iam/role:Role": "assumeRolePolicy",
  "aws:kms/key:Key": "policy",
  "aws:s3/bucketPolicy:BucketPolicy": "policy",
  "aws:secretsmanager/secretPolicy:SecretPolicy": "policy",
};

/** Rights are named one by one, on named things. */
export const narrowRights: ResourceRule = {
  name: "narrow-rights",
  description: "No wildcard actions on wildcard resources, no whole services, no rights by exclusion.",
  check: ({ type, props }) =>
    IDENTITY_POLICIES.includes(type) ? readDocument(props["policy"], checkRights) : [],
};

function checkRights(statement: PolicyStatement): readonly string[] {
  if (statement.Effect !== "Allow") return [];
  if (statement.NotAction !== undefined || statement.NotResource !== undefined)
    return ["rights must be named, not given by NotAction or NotResource"];
  const actions = statement.Action ?? [];
  const broad = actions.filter((action) => action === "*" || action.endsWith(":*"));
  if (broad.length > 0) return [`${broad.join(", ")}: actions must be named one by one`];
  const patterns = actions.filter((action) => action.includes("*"));
  return patterns.length > 0 && (statement.Resource ?? ["*"]).includes("*")
    ? [`${patterns.join(", ")}: wildcard actions must not meet the resource *`]
    : [];
}

/** Whoever may come in is named. */
export const namedPrincipals: ResourceRule = {
  name: "named-principals",
  description: "Roles, keys, buckets and secrets never trust everybody.",
  check: ({ type, props }) => {
    const property = RESOURCE_POLICIES[type];
    if (property === undefined || props[property] === undefined) return [];
    return readDocument(props[property], (statement) =>
      statement.Effect === "Allow" && concernsEverybody(statement) ? ["a principal must not be *"] : [],
    );
  },
};

/** AWS's own policies that a platform's pods and services never need. */
const TOO_BROAD = /\/(AdministratorAccess|PowerUserAccess|IAMFullAccess|\w+FullAccess)$/;

/** People and pods have roles; nobody has a lasting key. */
export const noLastingCredentials: ResourceRule = {
  name: "no-lasting-credentials",
  description: "No IAM users or access keys, no passwords in stacks, none of AWS's all-embracing policies.",
  check: demandByType({
    "aws:iam/user:User": [[() => false, "use a role"]],
    "aws:iam/accessKey:AccessKey": [[() => false, "use a role"]],
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": [
      [(props) => !TOO_BROAD.test(String(props["policyArn"])), "the attached policy is too broad"],
    ],
    "aws:rds/cluster:Cluster": [
      [
        (props) => props["manageMasterUserPassword"] === true && props["masterPassword"] === undefined,
        "AWS must keep the master password: set manageMasterUserPassword",
      ],
      on("iamDatabaseAuthenticationEnabled"),
    ],
    "aws:elasticache/replicationGroup:ReplicationGroup": [
      [
        (props) => listAt(props, "userGroupIds").length > 0 && props["authToken"] === undefined,
        "clients must sign in as users of a group, not with one shared token",
      ],
    ],
    "aws:elasticache/user:User": [
      [(props) => at(props, "authenticationMode", "type") === "iam", "authenticationMode.type must be iam"],
    ],
    "aws:eks/cluster:Cluster": [
      [
        (props) => at(props, "accessConfig", "authenticationMode") === "API",
        "accessConfig.authenticationMode must be API",
      ],
      [
        (props) => at(props, "accessConfig", "bootstrapClusterCreatorAdminPermissions") === false,
        "the creator must not become administrator by creating",
      ],
      [
        (props) => listAt(props, "enabledClusterLogTypes").includes("audit"),
        "enabledClusterLogTypes must include audit",
      ],
    ],
  }),
};

const REQUIRED_TAGS = ["headgate:region", "headgate:managed-by"];

/** Everything goes through a provider that knows where it is and tags what it makes. */
export const explicitProvider: ResourceRule = {
  name: "explicit-provider",
  description: "Resources go through a named provider that refuses other accounts and tags all it makes.",
  check: ({ type, provider }) => {
    if (!type.startsWith("aws:")) return [];
    if (provider === undefined || provider.name.startsWith("default"))
      return ["the provider must be named, not the default one"];
    const tags = Object.keys(at(readValue(provider.props["defaultTags"]), "tags") ?? {});
    const missing = REQUIRED_TAGS.filter((tag) => !tags.includes(tag));
    return [
      ...(missing.length > 0 ? [`the provider's defaultTags lack ${missing.join(", ")}`] : []),
      ...(listAt(readValue(provider.props["allowedAccountIds"])).length > 0
        ? []
        : ["the provider must name allowedAccountIds"]),
    ];
  },
};

/** Pulumi hands structured arguments of providers over as JSON. */
function readValue(value: unknown): unknown {
  return typeof value === "string" ? JSON.parse(value) : value;
}

function readDocument(
  policy: unknown,
  check: (statement: PolicyStatement) => readonly string[],
): readonly string[] {
  return readStatements(policy)?.flatMap(check) ?? ["the policy document cannot be read"];
}
