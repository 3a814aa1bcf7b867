/** What a policy must be able to do before it replaces another. It is run on the very objects that will serve. */
import type { CompiledRule } from "@headgate/sdk/condition";
import { POLICY_SAMPLES } from "@headgate/sdk/contract";
import type { CompiledPolicy } from "./compiled-policy.ts";

/** Returns what failed; an empty list means that the policy may serve. Never throws. */
export function selfTest(policy: CompiledPolicy, rules: readonly CompiledRule[]): string[] {
  const errors: string[] = [];
  const attempt = (what: string, works: () => boolean): void => {
    try {
      if (!works()) errors.push(what);
    } catch {
      errors.push(what);
    }
  };
  for (const rule of rules) {
    attempt(`rule ${rule.id}: fails on a sample`, () =>
      POLICY_SAMPLES.every((sample) => RESULTS.has(rule.condition(sample))),
    );
  }
  attempt("rules: fail on a sample", () =>
    POLICY_SAMPLES.every((sample) => typeof policy.checkRules(sample).allowed === "boolean"),
  );
  attempt("keys: a malformed key is not told", () => isTold(policy, MALFORMED_KEY, "malformed"));
  attempt("keys: an unknown key is not told", () => isTold(policy, UNKNOWN_KEY, "unknown"));
  attempt("prices: an unknown price is not told", () => {
    return policy.priceOf("", "", "", policy.issuedAt) === undefined;
  });
  for (const { model, route } of policy.models.values()) {
    if (route === undefined) continue;
    attempt(`model ${model.id}: its route leads nowhere`, () => {
      return (
        route.targets.length > 0 &&
        route.targets.every(({ provider }) => policy.providers.get(provider.id) === provider)
      );
    });
  }
  return errors;
}

function isTold(policy: CompiledPolicy, key: string, reason: "malformed" | "unknown"): boolean {
  const answer = policy.identify(key, policy.issuedAt);
  return !(answer instanceof Promise) && !answer.ok && answer.reason === reason;
}

const RESULTS = new Set<unknown>(["holds", "fails", "error"]);
const MALFORMED_KEY = "hg_live_malformed";
/** Well-formed, with a checksum that fits; no generator gives it. */
const UNKNOWN_KEY = "hg_live_11111111_11111111111111111111111111111111_3r8gk1";
