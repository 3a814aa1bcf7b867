export {
  type CompiledCondition,
  type Condition,
  type ConditionResult,
  createConditionCompiler,
} from "./compile-condition.ts";
export { compilePattern } from "./compile-pattern.ts";
