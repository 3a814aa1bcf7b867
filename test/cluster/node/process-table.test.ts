import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { descendants, isAlive, killProcess, processesWhere, processId } from "./process-table.ts";

test.runIf(process.platform === "linux")(
  "a process is known by its number and its start, so that a later one of that number is not taken for it",
  async () => {
    const child = spawn("sleep", ["60"]);
    const id = processId(child.pid ?? 0);
    if (id === null) throw new Error("it did not start");
    expect(isAlive(id)).toBe(true);
    expect(isAlive({ ...id, startTicks: "1" })).toBe(false);
    killProcess({ ...id, startTicks: "1" }, "SIGKILL");
    expect(isAlive(id)).toBe(true);
    killProcess(id, "SIGKILL");
    await once(child, "exit");
    expect(isAlive(id)).toBe(false);
    killProcess(id, "SIGKILL");
  },
);

test.runIf(process.platform === "linux")(
  "the children of children are found, and processes by their arguments",
  async () => {
    const mark = `60.${process.pid}`;
    const child = spawn("sh", ["-c", `sleep ${mark} & echo started; wait`]);
    await once(child.stdout, "data");
    const found = processesWhere(([program, argument]) => program === "sleep" && argument === mark);
    expect(found).toHaveLength(1);
    expect(descendants([process.pid])).toContainEqual(found[0]);
    for (const id of [...found, ...descendants([child.pid ?? 0])]) killProcess(id, "SIGKILL");
    await once(child, "exit");
  },
);
