import type { UntypedServiceImplementation } from "@grpc/grpc-js";
import type { LogRequest, SetRootResourceRequest } from "@pulumi/pulumi/proto/engine_pb.js";
import engineMessages from "@pulumi/pulumi/proto/engine_pb.js";
import type {
  ReadResourceRequest,
  RegisterResourceOutputsRequest,
  RegisterResourceRequest,
  ResourceInvokeRequest,
} from "@pulumi/pulumi/proto/resource_pb.js";
import messages from "@pulumi/pulumi/proto/resource_pb.js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import struct from "google-protobuf/google/protobuf/struct_pb.js";
import type { ResourceState } from "../backend/state.ts";
import type { Json, JsonObject } from "../wire.ts";
import { UNKNOWN } from "../wire.ts";
import type { Severity } from "./events.ts";
import { type Goal, goalOf } from "./goal.ts";
import { invoke } from "./invokes.ts";
import { readExternal } from "./reads.ts";
import { HaltedError, type Run } from "./run.ts";
import { notImitated, unary } from "./unary.ts";

/** What a registration ends in: by deploying it, or from the state alone. */
export type Register = (goal: Goal) => Promise<ResourceState>;

const { ResourceMonitorFeature: Feature } = messages;
const FEATURES = [
  Feature.RESOURCE_MONITOR_FEATURE_SECRETS,
  Feature.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
  Feature.RESOURCE_MONITOR_FEATURE_DELETED_WITH,
];
const LEGACY_NAMES = ["secrets", "aliasSpecs", "deletedWith"];
const SEVERITIES: Severity[] = ["debug", "info", "warning", "error"];

/** The services that the program's SDK calls while it runs. `finish` is called once the program has registered all. */
export function monitorService(
  run: Run,
  register: Register,
  finish: () => Promise<void>,
): UntypedServiceImplementation {
  return {
    getDeploymentInfo: unary(() => {
      const info = new messages.DeploymentInfo();
      info.setProject(run.options.project);
      info.setStack(run.options.stack);
      info.setOrganization("organization");
      info.setDryrun(run.options.dryRun);
      info.setParallel(run.options.parallel);
      info.setSupportedfeaturesList(FEATURES);
      return info;
    }),
    supportsFeature: unary((request: { getId(): string }) => {
      const response = new messages.SupportsFeatureResponse();
      response.setHassupport(LEGACY_NAMES.includes(request.getId()));
      return response;
    }),
    registerResource: unary(async (request: RegisterResourceRequest) => {
      refuseUnknownWishes(run, request);
      const state = await settle(run, register(goalOf(request)));
      const response = new messages.RegisterResourceResponse();
      response.setUrn(state.urn);
      response.setId(state.id === UNKNOWN ? "" : (state.id ?? ""));
      response.setUnknown(state.id === UNKNOWN);
      response.setObject(toStruct(visible(state)));
      return response;
    }),
    registerResourceOutputs: unary(async (request: RegisterResourceOutputsRequest) => {
      const state = run.options.journal.done.find(({ urn }) => urn === request.getUrn());
      if (state !== undefined) {
        state.outputs = fromStruct(request.getOutputs());
        run.options.events.told({ op: "same", urn: state.urn, type: state.type, new: state });
      }
      return new empty.Empty();
    }),
    readResource: unary(async (request: ReadResourceRequest) => {
      const state = await settle(run, readExternal(run, request));
      const response = new messages.ReadResourceResponse();
      response.setUrn(state.urn);
      response.setProperties(toStruct(visible(state)));
      return response;
    }),
    invoke: unary((request: ResourceInvokeRequest) => {
      const response = new messages.ResourceInvokeResponse();
      response.setReturn(toStruct(invoke(run, request.getTok(), fromStruct(request.getArgs()))));
      return response;
    }),
    registerPackage: unary(() => {
      const response = new messages.RegisterPackageResponse();
      response.setRef("");
      return response;
    }),
    signalAndWaitForShutdown: unary(async () => {
      await settle(run, finish());
      return new empty.Empty();
    }),
    call: notImitated("methods of resources"),
    existsResource: notImitated("existence checks"),
    registerStackTransform: notImitated("transforms"),
    registerStackInvokeTransform: notImitated("transforms"),
    registerResourceHook: notImitated("resource hooks"),
    registerErrorHook: notImitated("error hooks"),
  };
}

/** Where the program's logs go, and who its root is. */
export function engineService(run: Run): UntypedServiceImplementation {
  let root = "";
  return {
    log: unary((request: LogRequest) => {
      const severity = SEVERITIES[request.getSeverity()] ?? "info";
      if (severity !== "debug") {
        run.options.events.diagnostic(
          severity,
          request.getMessage(),
          request.getUrn() || run.rootUrn,
          request.getEphemeral(),
        );
      }
      return new empty.Empty();
    }),
    getRootResource: unary(() => {
      const response = new engineMessages.GetRootResourceResponse();
      response.setUrn(root);
      return response;
    }),
    setRootResource: unary((request: SetRootResourceRequest) => {
      root = request.getUrn();
      return new engineMessages.SetRootResourceResponse();
    }),
    requirePulumiVersion: unary(() => new engineMessages.RequirePulumiVersionResponse()),
    startDebugging: notImitated("debugging"),
  };
}

/** The work, or the end of the run if that comes first: the program must not wait for what will never come. */
async function settle<T>(run: Run, work: Promise<T>): Promise<T> {
  const told = work.catch((error: unknown) => {
    run.fail(run.rootUrn, error);
    throw new HaltedError();
  });
  const ended = run.ended.then(() => {
    throw new HaltedError();
  });
  return Promise.race([told, ended]);
}

function refuseUnknownWishes(run: Run, request: RegisterResourceRequest): void {
  const wishes: [string, boolean][] = [
    ["remote components", request.getRemote()],
    ["the import option", request.getImportid() !== ""],
    ["transforms", request.getTransformsList().length > 0],
    ["replaceWith", request.getReplaceWithList().length > 0],
  ];
  const [wish] = wishes.find(([, wanted]) => wanted) ?? [];
  if (wish === undefined) return;
  run.fail(
    run.rootUrn,
    new Error(`the stand-in does not imitate ${wish} (${request.getType()} ${request.getName()})`),
  );
  throw new HaltedError();
}

/** The outputs as the program gets them; what only the provider keeps stays out. */
function visible({ outputs }: ResourceState): JsonObject {
  return Object.fromEntries(Object.entries(outputs).filter(([key]) => !key.startsWith("__")));
}

function toStruct(value: JsonObject) {
  return struct.Struct.fromJavaScript(value as Record<string, Exclude<Json, null>>);
}

function fromStruct(value: { toJavaScript(): unknown } | undefined): JsonObject {
  return (value?.toJavaScript() ?? {}) as JsonObject;
}
