/** The dialect of Anthropic's API (https://docs.anthropic.com/en/api). */
import type { Dialect } from "../dialect.ts";
import { errorBody, isOwnError, statusOf } from "./errors.ts";
import { OWN_HEADERS, pushLimitHeaders, pushUpstreamHeaders } from "./headers.ts";
import { modelEntry, modelList } from "./models.ts";
import { ENDPOINTS } from "./request.ts";

export const anthropic: Dialect = {
  name: "anthropic",
  headers: OWN_HEADERS,
  claims: (path, head) => path.startsWith("/v1/messages") || head["anthropic-version"] !== undefined,
  endpoints: ENDPOINTS,
  requestIdHeader: "request-id",
  statusOf,
  errorBody,
  isOwnError,
  pushLimitHeaders,
  pushUpstreamHeaders,
  modelEntry,
  modelList,
};
