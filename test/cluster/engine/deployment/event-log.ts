import { createWriteStream } from "node:fs";
import { credentials } from "@grpc/grpc-js";
import eventServices from "@pulumi/pulumi/proto/events_grpc_pb.js";
import eventMessages from "@pulumi/pulumi/proto/events_pb.js";

/** Where events go: `tcp://HOST:PORT` of the SDK's Events service, a file, or nowhere. */
export type EventLog = { send: (event: string) => void; close: () => Promise<void> };

const CLOSE_TIMEOUT_MS = 5_000;

export function openEventLog(target: string | undefined): EventLog {
  if (target === undefined) return { send: () => {}, close: async () => {} };
  if (!target.startsWith("tcp://")) {
    const file = createWriteStream(target, { flags: "a" });
    return {
      send: (event) => file.write(`${event}\n`),
      close: () => new Promise((resolve) => file.end(resolve)),
    };
  }
  const client = new eventServices.EventsClient(target.slice("tcp://".length), credentials.createInsecure());
  const { promise: answered, resolve } = Promise.withResolvers<void>();
  const stream = client.streamEvents(() => resolve());
  // The listener may be gone before the end; the run itself does not hang on who hears of it.
  stream.on("error", () => resolve());
  const send = (event: string) => {
    const request = new eventMessages.EventRequest();
    request.setEvent(event);
    stream.write(request);
  };
  const close = async () => {
    stream.end();
    const timeout = setTimeout(resolve, CLOSE_TIMEOUT_MS);
    await answered;
    clearTimeout(timeout);
    client.close();
  };
  return { send, close };
}
