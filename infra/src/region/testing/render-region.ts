import { type Output, runtime } from "@pulumi/pulumi";
import type { RegisterResourceRequest, RegisterResourceResponse } from "@pulumi/pulumi/proto/resource_pb.js";
import type { AwsResource } from "../../policies/aws/aws-resource.ts";
import { answerAs } from "./answer-as.ts";

/** A resource of the program as the engine would have been told of it. */
export interface RenderedResource extends AwsResource {
  readonly custom: boolean;
  /** URN of the parent; empty at the top. */
  readonly parent: string;
  readonly retainOnDelete: boolean;
  readonly dependsOn: readonly string[];
}

export interface Rendered<O> {
  readonly resources: readonly RenderedResource[];
  readonly outputs: O;
}

type Callback = (error: unknown, response: RegisterResourceResponse | undefined) => void;
type Registrar = { registerResource(request: RegisterResourceRequest, callback: Callback): void };

/**
 * Runs a program with the engine mocked. No AWS and no provider behind it: values that AWS would choose are made up by
 * `answerAs`, and nothing of AWS's own checks is imitated.
 */
export async function renderProgram<O>(program: () => Output<O> | Promise<Output<O>>): Promise<Rendered<O>> {
  const inputs = new Map<string, Record<string, unknown>>();
  await runtime.setMocks(
    {
      call: ({ inputs: asked }) => asked,
      newResource: ({ type, name, inputs: given }) => {
        inputs.set(`${type} ${name}`, given);
        return { id: `${name}-id`, state: { ...given, ...answerAs(type, name, given) } };
      },
    },
    "headgate-region",
    "test",
    false,
  );
  const requests: [RegisterResourceRequest, string][] = [];
  const monitor = runtime.getMonitor() as unknown as Registrar;
  const register = monitor.registerResource.bind(monitor);
  monitor.registerResource = (request, callback) =>
    register(request, (error, response) => {
      if (response !== undefined) requests.push([request, response.getUrn()]);
      callback(error, response);
    });
  let outputs: O | undefined;
  await runtime.runInPulumiStack(async () => {
    const result = await program();
    outputs = await new Promise<O>((resolve) => result.apply(resolve as (value: unknown) => void));
    return {};
  });
  await runtime.disconnect();
  return { outputs: outputs as O, resources: describe(requests, inputs) };
}

function describe(
  requests: readonly (readonly [RegisterResourceRequest, string])[],
  inputs: ReadonlyMap<string, Record<string, unknown>>,
): readonly RenderedResource[] {
  const propsOf = (request: RegisterResourceRequest) =>
    inputs.get(`${request.getType()} ${request.getName()}`) ?? {};
  const byUrn = new Map(requests.map(([request, urn]) => [urn, request]));
  return requests.map(([request, urn]) => {
    const provider = byUrn.get(request.getProvider().replace(/::[^:]*$/, ""));
    return {
      urn,
      type: request.getType(),
      name: request.getName(),
      props: propsOf(request),
      protect: request.getProtect() ?? false,
      retainOnDelete: request.getRetainondelete() ?? false,
      provider: provider && { name: provider.getName(), props: propsOf(provider) },
      refs: [...request.getPropertydependenciesMap().values()].flatMap((list) => list.getUrnsList()),
      custom: request.getCustom(),
      parent: request.getParent(),
      dependsOn: request.getDependenciesList(),
    };
  });
}
