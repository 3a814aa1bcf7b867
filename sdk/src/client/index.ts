/** The client of Headgate's control plane, for Node 20 or newer and for browsers. */
export {
  type CallOptions,
  type Client,
  type ClientOptions,
  createClient,
  type Inputs,
  type Outputs,
} from "./create-client.ts";
export { HeadgateError, type HeadgateErrorCode, isHeadgateError } from "./errors.ts";
