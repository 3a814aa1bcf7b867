import { defineConfig } from "drizzle-kit";

/** Only `generate` is used: `push` does not know forced row-level security, grants or triggers. */
export default defineConfig({
  dialect: "postgresql",
  schema: "./src/db/schema/*.ts",
  out: "./migrations",
});
