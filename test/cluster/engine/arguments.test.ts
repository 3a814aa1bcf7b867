import { expect, test } from "vitest";
import { flag, isSet, parseArguments } from "./arguments.ts";

test("a command line of the SDK is read: words, flags of either form, and what follows the dashes", () => {
  const args = parseArguments([
    "config",
    "set",
    "key",
    "--stack",
    "a",
    "--secret",
    "--client=127.0.0.1:1",
    "--",
    "--value",
  ]);
  expect(args.words).toEqual(["config", "set", "key", "--value"]);
  expect(flag(args, "stack")).toBe("a");
  expect(flag(args, "client")).toBe("127.0.0.1:1");
  expect(isSet(args, "secret")).toBe(true);
  expect(isSet(parseArguments(["up", "--run-program=false"]), "run-program")).toBe(false);
});

test("an unknown flag is refused, and so is one without its value", () => {
  expect(() => parseArguments(["up", "--exclude", "urn"])).toThrow("does not know the flag --exclude");
  expect(() => parseArguments(["up", "--stack"])).toThrow("flag needs an argument");
});
