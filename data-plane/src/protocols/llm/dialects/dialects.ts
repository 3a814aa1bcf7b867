/** Every dialect that is served. The first speaks to callers of whom nothing is known. */
import { anthropic } from "./anthropic/anthropic.ts";
import type { Dialect } from "./dialect.ts";
import { openai } from "./openai/openai.ts";

export const DIALECTS: readonly Dialect[] = [openai, anthropic];
