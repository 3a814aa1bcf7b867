import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

test("SQL is written in repositories, the schema and the database's own code alone", () => {
  const sources = new URL("../", import.meta.url);
  const files = readdirSync(sources, { recursive: true, encoding: "utf8" }).filter(
    (file) => /\.ts$/.test(file) && !/\.test\.ts$|^(db|testing)[/]|repository\.ts$/.test(file),
  );
  expect(files.length).toBeGreaterThan(100);
  const withSql = files.filter((file) =>
    /from "drizzle-orm/.test(readFileSync(new URL(file, sources), "utf8")),
  );
  expect(withSql).toEqual([]);
});
