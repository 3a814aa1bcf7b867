/** A server that load can be sent to, and the bytes that are sent to it. */
export interface Target {
  readonly port: number;
  /** What this server wants beside the usual headers. */
  readonly headers: Readonly<Record<string, string>>;
  readonly model: string;
  /** Undefined for the mock itself, which runs in this process. */
  readonly pid: number | undefined;
}

export const REQUEST_PATH = "/v1/chat/completions";

/** A question of everyday size. `stream` is a shape that the mock upstream understands. */
export function requestBody(target: Target, stream: string | undefined): string {
  return JSON.stringify({
    model: target.model,
    messages: [
      {
        role: "system",
        content: "You answer in one short sentence. ".repeat(6),
      },
      {
        role: "user",
        content: "What does a headgate do for a canal? ".repeat(8),
      },
    ],
    max_tokens: 256,
    ...(stream === undefined
      ? {}
      : {
          stream: true,
          stream_options: { include_usage: true },
          user: stream,
        }),
  });
}

export function requestHeaders(target: Target): Record<string, string> {
  return { "content-type": "application/json", ...target.headers };
}

export function requestBytes(target: Target, stream: string | undefined): Buffer {
  const body = requestBody(target, stream);
  const headers = {
    host: `127.0.0.1:${target.port}`,
    ...requestHeaders(target),
    "content-length": body.length,
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`POST ${REQUEST_PATH} HTTP/1.1\r\n${lines.join("")}\r\n${body}`);
}

/** A server that takes part, until it is disposed of. */
export interface RunningContender extends AsyncDisposable {
  readonly target: Target;
}
