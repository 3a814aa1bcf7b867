/**
 * Runs a Pulumi program with the engine mocked, and says what it registered. One run at a time: the engine's settings
 * are the process's.
 */

import type { Resource, ResourceTransformationArgs } from "@pulumi/pulumi";
import { runtime } from "@pulumi/pulumi";

export interface Registered {
  readonly type: string;
  readonly name: string;
  readonly custom: boolean;
  /** Plain values; a secret is an object with the engine's signature for one. */
  readonly inputs: Record<string, unknown>;
  /** `urn::id` of the provider, empty where none was named. */
  readonly provider: string;
  /** Types from the outermost component to the resource, and its name: what tells it from all others. */
  readonly identity: string;
  readonly parent: string | undefined;
  readonly dependsOn: readonly string[];
  readonly deletedWith: string | undefined;
}

export async function runProgram<O>(
  stack: { readonly project: string; readonly stack: string },
  program: () => Promise<O>,
): Promise<{ outputs: O; resources: Registered[] }> {
  const made = new Map<string, Omit<Registered, "parent" | "dependsOn" | "deletedWith" | "identity">>();
  const seen = new Map<string, Pick<Registered, "parent" | "dependsOn" | "deletedWith">>();
  await runtime.setMocks(
    {
      call: ({ inputs }) => inputs,
      newResource: ({ type, name, inputs, provider = "", custom = true }) => {
        made.set(key(type, name), { type, name, custom, inputs, provider });
        return { id: `${name}-id`, state: inputs };
      },
    },
    stack.project,
    stack.stack,
    false,
  );
  let outputs: O | undefined;
  await runtime.runInPulumiStack(async () => {
    runtime.registerStackTransformation((args: ResourceTransformationArgs) => {
      seen.set(key(args.type, args.name), options(args));
      return undefined;
    });
    outputs = await program();
    return {};
  });
  await runtime.disconnect();
  const resources = [...made].flatMap(([id, resource]) => {
    const rest = seen.get(id);
    return rest === undefined ? [] : [{ ...resource, ...rest, identity: identityOf(id, seen) }];
  });
  return { outputs: outputs as O, resources };
}

function options({
  opts,
}: ResourceTransformationArgs): Pick<Registered, "parent" | "dependsOn" | "deletedWith"> {
  const { dependsOn = [], parent } = opts;
  const deletedWith = "deletedWith" in opts ? (opts.deletedWith as Resource | undefined) : undefined;
  const list = Array.isArray(dependsOn) ? dependsOn : [dependsOn];
  return {
    parent: parent && keyOf(parent),
    dependsOn: list.map((resource) => keyOf(resource as Resource)),
    deletedWith: deletedWith && keyOf(deletedWith),
  };
}

function identityOf(id: string, seen: ReadonlyMap<string, Pick<Registered, "parent">>): string {
  const types = [];
  for (let at: string | undefined = id; at !== undefined; at = seen.get(at)?.parent)
    types.unshift(at.split(" ")[0]);
  return `${types.join("$")}::${id.split(" ")[1]}`;
}

const key = (type: string, name: string) => `${type} ${name}`;

/** What the SDK keeps of a resource's registration, under names that it does not declare. */
interface Registration {
  readonly __pulumiType: string;
  readonly __name: string;
}

function keyOf(resource: Resource): string {
  const { __pulumiType, __name } = resource as Resource & Registration;
  return key(__pulumiType, __name);
}
