/** The policy packs as the Pulumi CLI runs them: under the runner of its own SDK, asked over gRPC. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { credentials, type ServiceError } from "@grpc/grpc-js";
import grpc from "@pulumi/pulumi/proto/analyzer_grpc_pb.js";
import messages from "@pulumi/pulumi/proto/analyzer_pb.js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import struct from "google-protobuf/google/protobuf/struct_pb.js";
import { afterAll, beforeAll, expect, test } from "vitest";

const PROGRAMS = join(import.meta.dirname, "../../../infra/programs");
let installed: string;

/** What `npm install` leaves in a pack's folder: the SDK, and no TypeScript beside it that the SDK could not load. */
beforeAll(() => {
  installed = join(mkdtempSync(join(tmpdir(), "headgate-policies-")), "node_modules");
  const sdk = realpathSync(join(import.meta.dirname, "../../node_modules/@pulumi/pulumi"));
  const beside = dirname(dirname(sdk));
  mkdirSync(join(installed, "@pulumi"), { recursive: true });
  cpSync(sdk, join(installed, "@pulumi/pulumi"), {
    recursive: true,
    filter: (file) => !file.endsWith(".map") && !file.endsWith(".d.ts"),
  });
  for (const name of readdirSync(beside)) {
    if (name !== "@pulumi" && name !== "typescript") symlinkSync(join(beside, name), join(installed, name));
  }
});

afterAll(() => rmSync(dirname(installed), { recursive: true, force: true }));

test.each([
  {
    pack: "region/policy-pack",
    name: "headgate-aws",
    refused: { type: "aws:s3/bucket:Bucket", properties: { forceDestroy: true } },
    policy: "deletion-protected",
  },
  {
    pack: "tenant/policy-pack",
    name: "headgate-tenant",
    refused: {
      type: "kubernetes:core/v1:Service",
      properties: {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "way-in" },
        spec: { type: "LoadBalancer" },
      },
    },
    policy: "inner-services",
  },
])(
  "Pulumi's own runner starts $pack, which refuses what it should",
  async ({ pack, name, refused, policy }) => {
    await using runner = await startRunner(join(PROGRAMS, pack));
    expect((await runner.info()).getName()).toBe(name);
    const answer = await runner.analyze(refused.type, refused.properties);
    expect(answer.getDiagnosticsList().map((diagnostic) => diagnostic.getPolicyname())).toContain(policy);
  },
);

async function startRunner(folder: string) {
  const main = join(installed, "@pulumi/pulumi/cmd/run-policy-pack/index.js");
  // The address is the engine's, which it calls for nothing that is asked of it here.
  const child = spawn(process.execPath, [main, "127.0.0.1:1", "."], { cwd: folder });
  const ended = once(child, "exit");
  const client = new grpc.AnalyzerClient(
    `127.0.0.1:${await firstOutput(child)}`,
    credentials.createInsecure(),
  );
  return {
    info: () => answerOf<messages.AnalyzerInfo>((done) => client.getAnalyzerInfo(new empty.Empty(), done)),
    analyze(type: string, properties: Record<string, struct.JavaScriptValue>) {
      const request = new messages.AnalyzeRequest()
        .setType(type)
        .setUrn(`urn:pulumi:tried::tried::${type}::tried`)
        .setName("tried")
        .setProperties(struct.Struct.fromJavaScript(properties))
        .setOptions(new messages.AnalyzerResourceOptions());
      return answerOf<messages.AnalyzeResponse>((done) => client.analyze(request, done));
    },
    async [Symbol.asyncDispose]() {
      client.close();
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** Rejects with all that it complained of when it ends without a word. */
async function firstOutput({ stdout, stderr }: ChildProcessWithoutNullStreams): Promise<string> {
  let complaints = "";
  stderr.on("data", (chunk) => {
    complaints += chunk;
  });
  for await (const chunk of stdout.iterator({ destroyOnReturn: false })) return String(chunk).trim();
  throw new Error(`the runner did not start: ${complaints}`);
}

type Done<T> = (error: ServiceError | null, answer: T) => void;

function answerOf<T>(ask: (done: Done<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    ask((error, answer) => (error === null ? resolve(answer) : reject(error)));
  });
}
