import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { POD_SECURITY } from "./pod-security.ts";

const image = (file: string) => readFileSync(new URL(`../images/${file}`, import.meta.url), "utf8");

test("pods run as the user of our images, who has a name in them", () => {
  const { runAsUser, runAsGroup, fsGroup } = POD_SECURITY;
  expect([runAsGroup, fsGroup]).toEqual([runAsUser, runAsUser]);
  const users = [...image("Dockerfile").matchAll(/^USER (\S+)$/gm)].map(([, user]) => user);
  expect(users.at(-1)).toBe(`${runAsUser}:${runAsGroup}`);
  expect(image("users/passwd")).toMatch(new RegExp(`^headgate:x:${runAsUser}:${runAsGroup}:`, "m"));
  expect(image("users/group")).toMatch(new RegExp(`^headgate:x:${runAsGroup}:`, "m"));
});
