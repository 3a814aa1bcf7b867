import { type Client, credentials, Server, ServerCredentials } from "@grpc/grpc-js";
import engineServices from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import languageServices from "@pulumi/pulumi/proto/language_grpc_pb.js";
import languageMessages from "@pulumi/pulumi/proto/language_pb.js";
import resourceServices from "@pulumi/pulumi/proto/resource_grpc_pb.js";
import { engineService, monitorService, type Register } from "./monitor.ts";
import type { Run } from "./run.ts";

const LIMITS = {
  "grpc.max_receive_message_length": 400 * 1024 * 1024,
  "grpc.max_send_message_length": 400 * 1024 * 1024,
};

type ProgramOptions = {
  /** Where the SDK serves the program: `HOST:PORT`. */
  readonly client: string;
  readonly register: Register;
  /** All is registered: what is left to do before the program may end. */
  readonly finish: () => Promise<void>;
};

/** Has the SDK run its program against this engine, until it has ended or the run is halted. */
export async function runProgram(run: Run, { client, register, finish }: ProgramOptions): Promise<void> {
  const server = new Server(LIMITS);
  let finished: Promise<void> | undefined;
  const finishOnce = () => (finished ??= finish());
  server.addService(resourceServices.ResourceMonitorService, monitorService(run, register, finishOnce));
  server.addService(engineServices.EngineService, engineService(run));
  const port = await listen(server);
  const language = new languageServices.LanguageRuntimeClient(client, credentials.createInsecure(), LIMITS);
  try {
    // Once nothing answers it any more the program may hang: it is not waited for.
    const error = await Promise.race([call(language, requestOf(run, `127.0.0.1:${port}`)), run.ended]);
    if (error !== undefined && !run.isHalted)
      run.fail(run.rootUrn, new Error(`an unhandled error occurred: ${error}`));
    await run.idle();
    if (!run.isHalted) await finishOnce();
  } finally {
    language.close();
    server.forceShutdown();
  }
}

function requestOf({ options }: Run, address: string) {
  const request = new languageMessages.RunRequest();
  request.setProject(options.project);
  request.setStack(options.stack);
  request.setPwd(process.cwd());
  request.setProgram(".");
  request.setArgsList([address]);
  request.setMonitorAddress(address);
  request.setDryrun(options.dryRun);
  request.setParallel(options.parallel);
  request.setOrganization("organization");
  for (const [key, { value, secret }] of options.config) {
    request.getConfigMap().set(key, value);
    if (secret) request.addConfigsecretkeys(key);
  }
  return request;
}

type LanguageClient = InstanceType<typeof languageServices.LanguageRuntimeClient> & Client;

/** Calls Run; gives what went wrong, if anything did. */
function call(
  language: LanguageClient,
  request: InstanceType<typeof languageMessages.RunRequest>,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    language.run(request, (error, response) => {
      resolve(error === null ? response?.getError() || undefined : error.details || error.message);
    });
  });
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(port);
      else reject(error);
    });
  });
}
