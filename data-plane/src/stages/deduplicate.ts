/** A request that carries an idempotency key runs once, and its key is not used for another body. */
import { createHash } from "node:crypto";
import type { Stage } from "../pipeline/stage.ts";

const KEY_CHARS_MAX = 255;

export const deduplicate: Stage = {
  name: "deduplicate",
  run(exchange, { idempotency, clock }) {
    const { head, principal, endpoint } = exchange;
    if (head.idempotencyKey === undefined || principal === undefined || endpoint?.kind !== "call") {
      return undefined;
    }
    if (head.idempotencyKey.length > KEY_CHARS_MAX) {
      return { code: "request.invalid_parameter", parameter: "idempotency-key" };
    }
    const key = `${principal.agent.id} ${head.idempotencyKey}`;
    const hash = createHash("sha256").update(exchange.path).update(exchange.body).digest("base64");
    const claim = idempotency.claim(key, hash, clock.monotonicMs());
    if (claim === "in_progress") return { code: "idempotency.in_progress", retryAfterMs: 1_000 };
    if (claim === "mismatch") return { code: "idempotency.mismatch", parameter: "idempotency-key" };
    if (claim === "not_kept") return { code: "idempotency.not_kept", parameter: "idempotency-key" };
    if (claim === undefined) exchange.idempotencyKey = key;
    else {
      exchange.answer = { kind: "json", ...claim };
      exchange.replayed = true;
    }
    return undefined;
  },
};
