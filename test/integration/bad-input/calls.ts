/** Requests as bytes, and the judge of their answers: what every refusal must look like in each dialect. */
import { DIALECTS as SERVED } from "@headgate/data-plane";
import { type Dialect, type ErrorCode, errorRow } from "@headgate/sdk/contract";
import { makeId } from "@headgate/sdk/testing";
import { expect } from "vitest";
import { openRawConnection, type RawConnection, type RawResponse } from "../../harness/raw-connection.ts";
import type { Gateway, Situation } from "./gateway.ts";

export const DIALECTS: readonly Dialect[] = ["openai", "anthropic"];

export interface CallOptions {
  readonly dialect: Dialect;
  readonly situation?: Situation;
  /** The whole body, for those that are not a good call; otherwise members that are added to one. */
  readonly body?: string | Uint8Array | Readonly<Record<string, unknown>>;
  readonly method?: string;
  readonly target?: string;
  /** Lines without their CRLF. They replace every default header but the body's framing. */
  readonly headers?: readonly string[];
  /** Lines added to the defaults. */
  readonly more?: readonly string[];
  /** Replaces `content-length`; the body is then sent as it stands. */
  readonly framing?: readonly string[];
}

export function pathOf(dialect: Dialect): string {
  return dialect === "openai" ? "/v1/chat/completions" : "/v1/messages";
}

/** A good call, but for what the options spoil. */
export function makeCall(gateway: Gateway, options: CallOptions): Buffer {
  const { dialect, method = "POST", target = pathOf(dialect) } = options;
  const body = bodyOf(options);
  const headers = options.headers ?? defaultHeaders(gateway, dialect);
  const framing = options.framing ?? (body.length === 0 ? [] : [`content-length: ${body.length}`]);
  const lines = [`${method} ${target} HTTP/1.1`, ...headers, ...(options.more ?? []), ...framing, "", ""];
  return Buffer.concat([Buffer.from(lines.join("\r\n")), body]);
}

export function hostOf(gateway: Gateway): string {
  return `host: ${new URL(gateway.url).host}`;
}

export function defaultHeaders(gateway: Gateway, dialect: Dialect): string[] {
  const credential =
    dialect === "openai"
      ? [`authorization: Bearer ${gateway.keys.good}`]
      : [`x-api-key: ${gateway.keys.good}`, "anthropic-version: 2023-06-01"];
  return [hostOf(gateway), "content-type: application/json", ...credential];
}

function bodyOf({ dialect, situation = "open", body = {} }: CallOptions): Buffer {
  if (typeof body === "string" || body instanceof Uint8Array) return Buffer.from(body);
  const good = {
    model: `${situation}-${dialect}`,
    messages: [{ role: "user", content: "hello" }],
    max_tokens: 16,
  };
  return Buffer.from(JSON.stringify({ ...good, ...body }));
}

/** Sends the bytes on a connection of their own and reads one answer. */
export async function exchange(
  gateway: Gateway,
  bytes: Uint8Array,
): Promise<RawResponse & { readonly connection: RawConnection }> {
  const connection = await openRawConnection(gateway.url);
  await connection.send(bytes);
  return { ...(await connection.response()), connection };
}

export interface RefusalExpected {
  readonly dialect: Dialect;
  readonly code: ErrorCode;
  /** Where the row's own status is not the one that is asked for. */
  readonly status?: number;
}

interface ErrorMembers {
  readonly type: string;
  readonly message: string;
  readonly headgate_code: string;
  readonly param?: string | null;
  readonly code?: string | null;
  readonly policy_id?: string;
  readonly policy_name?: string;
  readonly facts?: Readonly<Record<string, string>>;
}

/** Checks status, identifying headers and the dialect's shape against the error table; returns the error. */
export function expectRefusal(
  response: RawResponse,
  { dialect, code, status }: RefusalExpected,
): ErrorMembers {
  const row = errorRow(code);
  const expected = wordingOf(dialect, code);
  const statusExpected = status ?? expected.status;
  expect({ status: response.status, body: response.body }).toMatchObject({ status: statusExpected });
  expectIdentified(response);
  expect(header(response, "content-type")).toMatch(/^application\/json/);
  const body = JSON.parse(response.body) as { type?: string; request_id?: string; error: ErrorMembers };
  const { error } = body;
  expect(error.headgate_code).toBe(code);
  expect(error.message).toContain(row.text);
  if (dialect === "openai") {
    expect(error).toMatchObject({ type: expected.type, code: expected.code });
    expect(error).toHaveProperty("param");
    expect(body).not.toHaveProperty("type");
  } else {
    expect(body.type).toBe("error");
    expect(error.type).toBe(expected.type);
    expect(body.request_id).toBe(header(response, "x-request-id"));
  }
  return error;
}

/** What the dialect's own table says, which a test of its own holds fast. */
function wordingOf(name: Dialect, code: ErrorCode): { status: number; type: string; code?: string | null } {
  const dialect = SERVED.find((one) => one.name === name);
  if (dialect === undefined) throw new Error(`${name} is not served`);
  const facts = { code, message: "", parameter: undefined, requestId: makeId("request"), about: {} };
  const { error } = dialect.errorBody(facts) as { error: { type: string; code?: string | null } };
  return { status: dialect.statusOf(code), ...error };
}

/** Every answer names its request and its decision. */
export function expectIdentified(response: RawResponse): void {
  expect(header(response, "x-request-id")).toMatch(/^req_[0-9a-z]{26}$/);
  expect(header(response, "x-headgate-decision")).toMatch(/^dec_[0-9a-z]{26}$/);
}

/** The only value of a header, or undefined. */
export function header(response: RawResponse, name: string): string | undefined {
  const values = response.headers.get(name);
  expect(values?.length ?? 0).toBeLessThanOrEqual(1);
  return values?.[0];
}

/** `Retry-After` as SDKs need it: whole seconds from 1 to 60. */
export function expectRetryAfter(response: RawResponse): number {
  const value = header(response, "retry-after") ?? "";
  expect(value).toMatch(/^\d+$/);
  const seconds = Number(value);
  expect(seconds).toBeGreaterThanOrEqual(1);
  expect(seconds).toBeLessThanOrEqual(60);
  return seconds;
}

/** A good call of each dialect is served, so nothing that came before did lasting harm. */
export async function expectStillServing(gateway: Gateway): Promise<void> {
  for (const dialect of DIALECTS) {
    const response = await exchange(gateway, makeCall(gateway, { dialect }));
    expect({ status: response.status, body: response.body }).toMatchObject({ status: 200 });
    expect(response.body).toContain("good");
    expectIdentified(response);
    response.connection[Symbol.dispose]();
  }
}

export interface RefusedCall extends CallOptions {
  readonly code: ErrorCode;
  readonly status?: number;
  /** The server must close the connection by itself. */
  readonly closes?: boolean;
}

/** Sends the call and checks that it is refused as told, without a byte to the provider, and that calls still go on. */
export async function expectRefused(
  gateway: Gateway,
  call: RefusedCall,
): Promise<{ readonly response: RawResponse; readonly error: ErrorMembers }> {
  const before = gateway.upstream.bytesReceived();
  const response = await exchange(gateway, makeCall(gateway, call));
  using connection = response.connection;
  const error = expectRefusal(response, call);
  if (call.closes === true) expect(await connection.closed).toBe("end");
  expect(gateway.upstream.bytesReceived()).toBe(before);
  await expectStillServing(gateway);
  return { response, error };
}
