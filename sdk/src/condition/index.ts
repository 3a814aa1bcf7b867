export { type CompiledRule, createRuleCheck, type RuleVerdict } from "./check-rules.ts";
export { checkTypes } from "./check-types.ts";
export {
  type CompiledCondition,
  type Condition,
  type ConditionResult,
  createConditionCompiler,
  type Patterns,
} from "./compile-condition.ts";
