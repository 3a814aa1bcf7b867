/**
 * Loaded into a process under test with `--import`, beside `--expose-gc`: serves the size of its old generation. What
 * lies there only a full collection frees, which `/full` makes before it looks.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { getHeapSpaceStatistics } from "node:v8";

const OLD: ReadonlySet<string> = new Set(["old_space", "large_object_space"]);

const server = createServer((request, response) => {
  if (request.url === "/full") globalThis.gc?.();
  // What lives through two of them has grown old.
  for (let times = 0; times < 2; times += 1) globalThis.gc?.({ type: "minor" });
  const spaces = getHeapSpaceStatistics().filter(({ space_name }) => OLD.has(space_name));
  response.end(String(spaces.reduce((bytes, { space_used_size }) => bytes + space_used_size, 0)));
});
server.listen(0, "127.0.0.1", () => {
  const { port } = server.address() as AddressInfo;
  console.log(JSON.stringify({ event: "heap-probe", url: `http://127.0.0.1:${port}` }));
});
server.unref();
