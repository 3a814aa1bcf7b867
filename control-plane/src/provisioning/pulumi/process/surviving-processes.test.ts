import { spawn } from "node:child_process";
import { once } from "node:events";
import { makeId } from "@headgate/sdk/testing";
import { expect, test } from "vitest";
import { endSurvivors, OPERATION_VARIABLE } from "./surviving-processes.ts";

const start = async (script: string, operationId: string) => {
  const child = spawn(
    process.execPath,
    ["--eval", `${script}; setInterval(() => {}, 1000); console.log("up")`],
    {
      env: { [OPERATION_VARIABLE]: operationId },
      stdio: ["ignore", "pipe", "ignore"],
    },
  );
  await once(child.stdout, "data");
  return { child, ended: once(child, "exit") as Promise<[number | null, string | null]> };
};

test.runIf(process.platform === "linux")(
  "what an operation has left is asked to end and then made to, and nothing else is touched",
  async () => {
    const [mine, other] = [makeId("operation"), makeId("operation")];
    const willing = await start(`process.on("SIGINT", () => process.exit(7))`, mine);
    const stubborn = await start(`process.on("SIGINT", () => {})`, mine);
    const stranger = await start("", other);
    expect(await endSurvivors(mine, 300)).toBe(2);
    expect(await willing.ended).toEqual([7, null]);
    expect(await stubborn.ended).toEqual([null, "SIGKILL"]);
    expect(stranger.child.exitCode).toBeNull();
    expect(stranger.child.signalCode).toBeNull();
    stranger.child.kill("SIGKILL");
    expect(await endSurvivors(mine, 300)).toBe(0);
  },
);
