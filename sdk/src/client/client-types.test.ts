import { expectTypeOf, test } from "vitest";
import type { ErrorCode, Id } from "../contract/index.ts";
import type { Client, HeadgateErrorCode, Inputs, Outputs } from "./index.ts";

test("inputs and outputs of procedures are typed, down to the kind of an id", () => {
  expectTypeOf<Client["agents"]["create"]>().parameter(0).toEqualTypeOf<Inputs["agents"]["create"]>();
  expectTypeOf<Client["agents"]["create"]>().returns.resolves.toEqualTypeOf<Outputs["agents"]["create"]>();
  expectTypeOf<Inputs["agents"]["get"]>().toEqualTypeOf<{ agent_id: Id<"agent"> }>();
  expectTypeOf<Outputs["tenants"]["create"]["tenant"]["id"]>().toEqualTypeOf<Id<"tenant">>();
  expectTypeOf<Outputs["tenants"]["create"]["admin_key"]>().toEqualTypeOf<string | null>();
  expectTypeOf<Inputs["tenants"]["create"]["plan"]>().toEqualTypeOf<"starter" | "team" | "enterprise">();
});

test("an id of another kind is no input", () => {
  expectTypeOf<{ agent_id: Id<"model"> }>().not.toExtend<Inputs["agents"]["get"]>();
});

test("a procedure without input is called without one, one with input is not", () => {
  expectTypeOf<Client["system"]["info"]>().toBeCallableWith();
  expectTypeOf<Parameters<Client["agents"]["get"]>["length"]>().toEqualTypeOf<1 | 2>();
});

test("nothing of the API is any", () => {
  type IsAny<T> = 0 extends 1 & T ? true : false;
  type AnyIn<T> = { [D in keyof T]: { [P in keyof T[D]]: IsAny<T[D][P]> }[keyof T[D]] }[keyof T];
  expectTypeOf<AnyIn<Inputs>>().toEqualTypeOf<false>();
  expectTypeOf<AnyIn<Outputs>>().toEqualTypeOf<false>();
});

test("error codes are a closed union", () => {
  expectTypeOf<HeadgateErrorCode>().toEqualTypeOf<ErrorCode | "network" | "protocol">();
});
