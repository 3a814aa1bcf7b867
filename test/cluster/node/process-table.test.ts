import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { until } from "../../harness/until.ts";
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
    const child = spawn("sh", ["-c", `sleep ${mark} & wait`]);
    const sleeping = () => processesWhere(([program, argument]) => program === "sleep" && argument === mark);
    // Until then it is another shell.
    await until({ what: "the child's child to be a sleep" }, () => sleeping().length > 0);
    const found = sleeping();
    expect(found).toHaveLength(1);
    expect(descendants([process.pid])).toContainEqual(found[0]);
    for (const id of [...found, ...descendants([child.pid ?? 0])]) killProcess(id, "SIGKILL");
    await once(child, "exit");
  },
);
