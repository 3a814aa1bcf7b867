/** Rules for stacks on AWS, as plain functions and as a pack for the Pulumi CLI. */
export type { AwsResource, ResourceRule, StackRule, Violation } from "./aws-resource.ts";
export { checkAwsStack, resourceRules, stackRules } from "./aws-rules.ts";
export { startAwsPolicyPack } from "./policy-pack.ts";
