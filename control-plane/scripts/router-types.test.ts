import { expect, test } from "vitest";
import { renderRouterTypes } from "./router-types.ts";

const types = `{ ctx: import("./context.ts").Context; meta: object; transformer: false; }`;
const procedure = (kind: string, input: string, output: string) =>
  `import("@trpc/server").TRPC${kind}Procedure<{ input: ${input}; output: ${output}; meta: object; }>`;
const routerOf = (members: string) =>
  `import("@trpc/server").TRPCBuiltRouter<${types}, import("@trpc/server").TRPCDecorateCreateRouterOptions<{ ${members} }>>`;
const appRouter = (members: string) => `export declare const appRouter: ${routerOf(members)};\n`;

/** Sources are those of a domain `things` without a comment, unless given. */
function render(files: Record<string, string>): string {
  const all: Record<string, string> = { ...SOURCES, ...files };
  const read = (path: string) => {
    const text = all[path];
    if (text === undefined) throw new Error(`no file ${path}`);
    return text;
  };
  return renderRouterTypes("trpc/router.d.ts", read, read);
}

const SOURCES = {
  "trpc/router.ts":
    'import { thingsRouter } from "../things/router.ts";\n\nexport const appRouter = router({\n  things: thingsRouter,\n});\n',
  "things/router.ts": "export const thingsRouter = router({});\n",
};

test("procedures become plain types, and the list of what only reads fits them", () => {
  const text = render({
    "trpc/router.d.ts": appRouter(
      `things: ${routerOf(
        `get: ${procedure("Query", `{ id: \`thg_\${string}\`; }`, `{ name: string; then?: (a: string) => void; }`)};
         make: ${procedure("Mutation", `{ kind: "a;b" | "c>"; }`, "void")};`,
      )};`,
    ),
  });
  expect(text).toContain(
    `get: Query<{ id: \`thg_\${string}\`; }, { name: string; then?: (a: string) => void; }>;`,
  );
  expect(text).toContain('make: Mutation<{ kind: "a;b" | "c>"; }, void>;');
  expect(text).toContain('get: "query",');
  expect(text).toContain('make: "mutation",');
});

test("what the source says above a procedure stands above its type, and nothing else does", () => {
  const text = render({
    "trpc/router.d.ts": appRouter(
      `things: ${routerOf(`get: ${procedure("Query", "void", "string")}; make: ${procedure("Mutation", "void", "void")};`)};`,
    ),
    "things/router.ts": `/** Of the file. */
export const thingsRouter = router({
  /** Looks at one; \`{ id }\` is all it takes. */
  get: tenantProcedure.query(() => {
    /** Of the code. */
    return "it";
  }),

  make: tenantProcedure.mutation(() => undefined),
});

const others = {
  /** Makes something else. */
  make: 1,
};
`,
  });
  expect(text).toContain(
    "\n    /** Looks at one; `{ id }` is all it takes. */\n    get: Query<void, string>;\n",
  );
  expect(text.match(/\/\*\* (?!Every|Of which)/g)).toHaveLength(1);
});

test("nothing of the server is left", () => {
  const text = render({
    "trpc/router.d.ts": appRouter(`things: ${routerOf(`get: ${procedure("Query", "void", "string")};`)};`),
  });
  expect(text).not.toMatch(/trpc\/server|Context|context/);
});

test("named types are carried along with all that they name, comments and members untouched", () => {
  const text = render({
    "trpc/router.d.ts": appRouter(
      `things: ${routerOf(`list: ${procedure("Query", "void", `import("../lib/page.ts").Page<import("../things/view.ts").View>`)};`)};`,
    ),
    "lib/page.d.ts":
      "export interface Page<T> {\n    /** View of T. */\n    items: T[];\n}\nexport declare function f(): void;\n",
    "things/view.d.ts": `import type { Id } from "@headgate/sdk/contract";
import { type State as Mood } from "./state.ts";
export interface View {
    id: Id<"agent">;
    Mood: Mood;
    size: (typeof SIZES)[number];
}
export declare const SIZES: readonly ["s", "m"];
`,
    "things/state.d.ts": `export type State = "on" | "off";\n`,
  });
  expect(text).toContain("list: Query<void, Page<View>>;");
  expect(text).toContain("export interface Page<T> {\n  /** View of T. */\n  items: T[];\n}");
  expect(text).toContain('size: ((readonly ["s", "m"]))[number];');
  expect(text).toContain("Mood: State;");
  expect(text).toContain('export type State = "on" | "off";');
  expect(text).toContain('import type { Id } from "../contract/index.ts";');
});

test("a type of a library that the SDK does not have is refused by name", () => {
  expect(() =>
    render({
      "trpc/router.d.ts": appRouter(
        `things: ${routerOf(`get: ${procedure("Query", "void", `import("pino").Logger`)};`)};`,
      ),
    }),
  ).toThrow("need Logger of pino");
});

test("two types of one name are refused, for one would stand for both", () => {
  expect(() =>
    render({
      "trpc/router.d.ts": appRouter(
        `things: ${routerOf(`get: ${procedure("Query", `import("../a.ts").View`, `import("../b.ts").View`)};`)};`,
      ),
      "a.d.ts": "export type View = 1;\n",
      "b.d.ts": "export type View = 2;\n",
    }),
  ).toThrow("two types are named View");
});

test("a subscription becomes what it gives one after the other, without the ids", () => {
  const output = `AsyncIterable<import("@trpc/server/unstable").TrackedData<{ seq: number; }>, void, unknown>`;
  const text = render({
    "trpc/router.d.ts": appRouter(
      `things: ${routerOf(`watch: ${procedure("Subscription", "{ id: string; }", output)};`)};`,
    ),
  });
  expect(text).toContain("watch: Subscription<{ id: string; }, { seq: number; }>;");
  expect(text).toContain('watch: "subscription",');
  expect(text).toContain("import type { KindsOf, Subscription }");
});

test.each([
  [
    "neither query, mutation nor subscription",
    "Observable",
    "string",
    "not a query, mutation or subscription: watch",
  ],
  [
    "a subscription that cannot be taken up again",
    "Subscription",
    "AsyncIterable<string>",
    "not a subscription to tracked data: watch",
  ],
])("%s is refused", (_, kind, output, fault) => {
  expect(() =>
    render({
      "trpc/router.d.ts": appRouter(`things: ${routerOf(`watch: ${procedure(kind, "void", output)};`)};`),
    }),
  ).toThrow(fault);
});
