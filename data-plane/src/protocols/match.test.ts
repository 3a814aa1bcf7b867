import fc from "fast-check";
import { expect, test } from "vitest";
import { createProtocols } from "./match.ts";
import type { Endpoint } from "./protocol.ts";
import type { ReplyStyle } from "./reply-style.ts";

const plain = {} as ReplyStyle;
const styled = {} as ReplyStyle;

function endpoint(method: "GET" | "POST", path: string, name: string, claimed = false): Endpoint {
  return {
    method,
    path,
    name,
    style: claimed ? styled : plain,
    claims: () => claimed,
  } as unknown as Endpoint;
}

const protocols = createProtocols([
  {
    endpoints: [
      endpoint("POST", "/v1/chat", "chat"),
      endpoint("GET", "/v1/models", "models"),
      endpoint("GET", "/v1/models/{model}", "model"),
      endpoint("POST", "/v9/models/{model}:generate", "generate"),
      endpoint("POST", "/v9/models/{model}:stream", "stream"),
      endpoint("DELETE" as "GET", "/v1/models/{model}", "remove"),
      endpoint("GET", "/v5/models/{model...}", "deep"),
    ],
    headers: {},
    styleFor: () => undefined,
  },
  {
    endpoints: [endpoint("GET", "/v1/models", "own-models", true)],
    headers: {},
    styleFor: (path) => (path.startsWith("/own") ? styled : undefined),
  },
]);
const head = protocols.readHead([]);
const find = (method: string, path: string) => {
  const match = protocols.match(method, path, head);
  return match && { name: match.endpoint.name, ...match.pathParameters };
};

test("a path is found exactly or by its parameters, which are told by name", () => {
  expect(find("POST", "/v1/chat")).toEqual({ name: "chat" });
  expect(find("GET", "/v1/models/small-1.5")).toEqual({ name: "model", model: "small-1.5" });
  expect(find("POST", "/v9/models/big:latest:generate")).toEqual({ name: "generate", model: "big:latest" });
  expect(find("POST", "/v9/models/big:stream")).toEqual({ name: "stream", model: "big" });
});

test("a parameter that may have slashes takes escapes of what is in it, and no dots for segments", () => {
  const name = "vendor/family/small:1.5@eu";
  for (const written of [name, encodeURIComponent(name), "vendor%2ffamily/small%3a1.5@eu"]) {
    expect(find("GET", `/v5/models/${written}`)).toEqual({ name: "deep", model: name });
  }
  const others = [
    "..",
    "a/..",
    "a%2F..",
    "..%2Fa",
    "a/./b",
    "a//b",
    "a%2F%2Fb",
    "a/",
    "/a",
    "%2E%2E",
    "a%00",
    "a%5Cb",
    "",
  ];
  for (const other of others) expect(find("GET", `/v5/models/${other}`)).toBeUndefined();
});

test("of endpoints at one path the one with the method is taken, then the one whose client it is", () => {
  expect(find("DELETE", "/v1/models/m")).toMatchObject({ name: "remove" });
  expect(find("GET", "/v1/models")).toEqual({ name: "own-models" });
  expect(protocols.methodsAt("/v1/models/m")).toBe("GET, DELETE");
  // The path is served, so that the caller can be told with which methods.
  expect(find("PUT", "/v1/models/m")).toMatchObject({ name: "model" });
});

test("a caller whose path is nobody's is spoken to as the protocol says that knows it, else plainly", () => {
  expect(protocols.styleFor("/own/x", head)).toBe(styled);
  expect(protocols.styleFor("/x", head)).toBe(plain);
});

test("no path parameter holds a slash, an escape, a dot segment or nothing, so that no reader takes the path for another", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const found = find("GET", `/v1/models/${text}`);
      expect(found !== undefined).toBe(/^(?!\.{1,2}$)[A-Za-z0-9._:@~-]+$/.test(text));
    }),
  );
  for (const text of ["", ".", "..", "a/b", "a%2fb", "..%2f", "a b"])
    expect(find("GET", `/v1/models/${text}`)).toBeUndefined();
});

test.each([
  ["/chat", "POST /v1/chat is served: check the client's base URL, which seems to lack /v1."],
  ["/models/m", "GET /v1/models/{model} is served: check the client's base URL, which seems to lack /v1."],
  ["/v1/v1/chat", "POST /v1/chat is served: check the client's base URL."],
  ["/api/v1/chat/", "POST /v1/chat is served: check the client's base URL."],
  [
    "/openai/deployments/x/chat",
    "POST /v1/chat is served: check the client's base URL, which seems to lack /v1.",
  ],
])("of %s it is told where the caller wanted to go", (path, expected) => {
  expect(protocols.hintFor(path)).toBe(expected);
});

test("of a path that is like none of those that are served, all of them are told, each once", () => {
  const told = protocols.hintFor("/v3/nothing");
  expect(told).toMatch(/^Served are POST \/v1\/chat, GET \/v1\/models, .*\.$/);
  expect(told.match(/GET \/v1\/models(?!\/)/g)).toHaveLength(1);
  // Looking for what is meant takes time that nobody who is unknown is given.
  expect(protocols.hintFor(`${"/x".repeat(8_000)}/chat`)).toBe(told);
});
