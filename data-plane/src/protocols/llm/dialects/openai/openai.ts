/** The dialect of OpenAI's API, and of the many providers that speak it (https://platform.openai.com/docs/api-reference). */
import type { Dialect } from "../dialect.ts";
import { errorBody, isOwnError, statusOf } from "./errors.ts";
import { OWN_HEADERS, pushLimitHeaders, pushUpstreamHeaders } from "./headers.ts";
import { modelEntry, modelList } from "./models.ts";
import { ENDPOINTS } from "./request.ts";

export const openai: Dialect = {
  name: "openai",
  headers: OWN_HEADERS,
  claims: () => false,
  endpoints: ENDPOINTS,
  statusOf,
  errorBody,
  isOwnError,
  pushLimitHeaders,
  pushUpstreamHeaders,
  modelEntry,
  modelList,
};
