import { readFileSync } from "node:fs";
import { request } from "node:https";

export interface ApiClient {
  /** The body of what a GET of this path answers; throws on anything but a success. */
  text(path: string): Promise<string>;
  json<T>(path: string): Promise<T>;
}

/** Just enough of a client to see the cluster come up. */
export function apiClient(access: {
  readonly apiUrl: string;
  readonly token: string;
  readonly caFile: string;
}): ApiClient {
  const ca = readFileSync(access.caFile);
  const text = (path: string) =>
    new Promise<string>((resolve, reject) => {
      const call = request(
        `${access.apiUrl}${path}`,
        { ca, agent: false, timeout: 10_000, headers: { authorization: `Bearer ${access.token}` } },
        (answer) => {
          const chunks: Buffer[] = [];
          answer.on("data", (chunk: Buffer) => chunks.push(chunk));
          answer.once("error", reject);
          answer.once("end", () => {
            const body = Buffer.concat(chunks).toString();
            if (answer.statusCode === 200) resolve(body);
            else reject(new Error(`GET ${path}: ${answer.statusCode} ${body.slice(0, 300)}`));
          });
        },
      );
      call.once("timeout", () => call.destroy(new Error(`GET ${path}: no answer`)));
      call.once("error", reject);
      call.end();
    });
  return { text, json: async <T>(path: string) => JSON.parse(await text(path)) as T };
}
