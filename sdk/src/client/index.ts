/** The client of Headgate's control plane, for Node 20 or newer and for browsers. */
export { type Client, createClient, type Inputs, type Outputs } from "./create-client.ts";
export { HeadgateError, type HeadgateErrorCode, type InputIssue, isHeadgateError } from "./errors.ts";
export type { CallOptions, ClientOptions } from "./options.ts";
