import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

test("the client and what it imports use nothing that browsers lack", () => {
  const files = ["../client/", "../contract/", "../generated/"].flatMap((folder) =>
    readdirSync(new URL(folder, import.meta.url))
      .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
      .map((name) => new URL(folder + name, import.meta.url)),
  );
  expect(files.length).toBeGreaterThan(10);
  for (const file of files) {
    const text = readFileSync(file, "utf8");
    expect(text, file.pathname).not.toMatch(/from "node:|import\("node:|\bBuffer\b|\bprocess\./);
  }
});
