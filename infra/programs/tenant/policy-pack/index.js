// Entry for `pulumi preview --policy-pack policy-pack`. Build the workspace, and `npm install` in this folder, first: the
// CLI starts packs through the `@pulumi/pulumi` it finds here, which loads a TypeScript compiler and cannot load version
// 7, the workspace's own. The rules are imported by path, since this folder is a package of its own.
import { startTenantPolicyPack } from "../../../dist/policies/tenant/index.js";

startTenantPolicyPack();
