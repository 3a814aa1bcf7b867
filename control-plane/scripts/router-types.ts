/**
 * Turns the emitted declaration of the API's router into one module of plain types that needs neither the server nor
 * its libraries: inputs and outputs of every procedure, and of which kind each is. What the sources say above each
 * procedure comes along, for an editor to show.
 */
import { posix } from "node:path";
import { bracketed, declarationOf, importsOf, membersOf, splitTopLevel } from "./declaration-text.ts";

/** Gives the text of an emitted declaration by its path, such as `api/trpc/router.d.ts`. */
export type ReadDeclaration = (path: string) => string;
/** Gives the text of a source by its path, such as `api/trpc/router.ts`. */
export type ReadSource = (path: string) => string;

/** What the client has too; names of these stay imports. */
const SHARED_MODULES: Readonly<Record<string, string>> = {
  "@headgate/sdk/contract": "../contract/index.ts",
  zod: "zod",
};

const PROCEDURE_MODULE = "../client/procedure.ts";

const HEADER = `/* Generated from the control plane's router by control-plane/scripts/emit-router-types.ts. Do not edit. */
`;

export function renderRouterTypes(entry: string, read: ReadDeclaration, readSource: ReadSource): string {
  const source = read(entry);
  const found = /^export declare const \w+: (import\("@trpc\/server"\)\.TRPCBuiltRouter<[\s\S]*)/m.exec(
    source,
  );
  if (found?.[1] === undefined) throw new Error(`${entry} declares no router`);
  const names = createNames(read);
  const commentsIn = createComments(entry.replace(".d.ts", ".ts"), readSource);
  const domains = routerMembers(found[1]).map(({ name, type }) => {
    const comments = commentsIn(name);
    const procedures = routerMembers(type).map((member) => ({
      ...readProcedure(member),
      comment: comments.get(member.name),
    }));
    return { name, procedures };
  });
  const api = domains.map(({ name, procedures }) =>
    block(
      name,
      procedures.map(
        (procedure) =>
          `${procedure.comment ?? ""}${procedure.name}: ${names.client(procedure.kind)}<${names.resolve(procedure.input, entry)}, ${names.resolve(procedure.output, entry)}>;`,
      ),
    ),
  );
  const kinds = domains.map(({ name, procedures }) =>
    block(
      name,
      procedures.map((procedure) => `${procedure.name}: "${procedure.kind.toLowerCase()}",`),
    ).replace(/;$/, ","),
  );
  const parts = [
    HEADER + names.imports(),
    `/** Every procedure of the API, by domain. */\nexport interface Api {\n${api.join("\n")}\n}`,
    `/** Of which kind each procedure is. */\nexport const PROCEDURES = {\n${kinds.join("\n")}\n} as const satisfies KindsOf<Api>;`,
    ...names.declarations(),
  ];
  return `${indented(parts.join("\n\n"))}\n`;
}

interface Procedure {
  name: string;
  kind: "Query" | "Mutation" | "Subscription";
  input: string;
  output: string;
}

function routerMembers(type: string) {
  const open = type.indexOf("<");
  if (!/^import\("@trpc\/server"\)\.TRPCBuiltRouter</.test(type))
    throw new Error(`not a router: ${type.slice(0, 60)}`);
  const record = splitTopLevel(bracketed(type, open), ",")[1] ?? "";
  return membersOf(bracketed(record, record.indexOf("{")));
}

function readProcedure({ name, type }: { name: string; type: string }): Procedure {
  const kind = /^import\("@trpc\/server"\)\.TRPC(Query|Mutation|Subscription)Procedure</.exec(type)?.[1];
  if (kind !== "Query" && kind !== "Mutation" && kind !== "Subscription")
    throw new Error(`not a query, mutation or subscription: ${name}`);
  const members = membersOf(bracketed(type, type.indexOf("{")));
  const typeOf = (wanted: string) => members.find((member) => member.name === wanted)?.type ?? "never";
  const output = kind === "Subscription" ? trackedType(typeOf("output"), name) : typeOf("output");
  return { name, kind, input: typeOf("input"), output };
}

/**
 * What the sources say of a domain's procedures, by name. The compiler drops it from the declaration; but a router is
 * formatted, so that each of its procedures begins a line, two spaces in, under its comment.
 */
function createComments(entry: string, readSource: ReadSource) {
  const source = readSource(entry);
  const imported = importsOf(source);
  return (domain: string): Map<string, string> => {
    const local = new RegExp(`^  ${domain}: (\\w+),$`, "m").exec(source)?.[1] ?? "";
    const from = imported.get(local);
    if (from === undefined) throw new Error(`${entry} imports no router for ${domain}`);
    const text = readSource(posix.join(posix.dirname(entry), from.module));
    const [, body = ""] =
      new RegExp(`^export const ${from.name} = router\\(\\{\n([\\s\\S]*?)^\\}\\);`, "m").exec(text) ?? [];
    const members = body.matchAll(/^( {2}\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n) {2}(\w+):/gm);
    return new Map([...members].map(([, comment = "", name = ""]) => [name, comment]));
  };
}

/** What a subscription gives, one after the other; each must have an id, by which the client takes it up again. */
function trackedType(output: string, name: string): string {
  const open = output.indexOf("<", output.indexOf(".TrackedData"));
  if (!output.startsWith("AsyncIterable<") || !output.includes(".TrackedData<"))
    throw new Error(`not a subscription to tracked data: ${name}`);
  return bracketed(output, open);
}

/** Follows the names that types use to their declarations and gathers those. */
function createNames(read: ReadDeclaration) {
  const imported = new Map<string, Set<string>>([[PROCEDURE_MODULE, new Set(["KindsOf"])]]);
  const declared = new Map<string, { path: string; text: string }>();

  function resolve(text: string, path: string): string {
    const local = importsOf(read(path));
    return text.replace(TOKEN, (whole, module?: string, member?: string, query = "", name?: string) => {
      if (module !== undefined && member !== undefined) return refer(module, member, path);
      if (name === undefined) return whole;
      const source = local.get(name);
      if (source !== undefined) return query + refer(source.module, source.name, path);
      const declaration = declarationOf(read(path), name);
      if (declaration === undefined) return whole;
      if (declaration.kind === "const") return `(${resolve(declaration.text, path)})`;
      return declare(name, path);
    });
  }

  function refer(module: string, name: string, from: string): string {
    const shared = SHARED_MODULES[module];
    if (shared !== undefined) {
      imported.set(shared, (imported.get(shared) ?? new Set()).add(name));
      return name;
    }
    if (!module.startsWith("."))
      throw new Error(`the router's types need ${name} of ${module}: use a plain type instead`);
    const path = posix.join(posix.dirname(from), module.replace(/\.ts$/, ".d.ts"));
    const again = importsOf(read(path)).get(name);
    return again === undefined ? declare(name, path) : refer(again.module, again.name, path);
  }

  function declare(name: string, path: string): string {
    const known = declared.get(name);
    if (known !== undefined && known.path !== path)
      throw new Error(`two types are named ${name}: in ${known.path} and ${path}`);
    if (known !== undefined) return name;
    const declaration = declarationOf(read(path), name);
    if (declaration === undefined || declaration.kind === "const")
      throw new Error(`${path} declares no type ${name}`);
    const entry = { path, text: "" };
    declared.set(name, entry);
    const body = declaration.text.slice(declaration.text.indexOf(name) + name.length);
    entry.text = `export ${declaration.kind} ${name}${resolve(body, path)}`;
    return name;
  }

  return {
    resolve,
    client(name: string): string {
      imported.get(PROCEDURE_MODULE)?.add(name);
      return name;
    },
    imports: () =>
      [...imported]
        .toSorted(([a], [b]) => a.localeCompare(b))
        .map(([module, names]) => `import type { ${[...names].toSorted().join(", ")} } from "${module}";`)
        .join("\n"),
    declarations: () => [...declared].toSorted(([a], [b]) => a.localeCompare(b)).map(([, { text }]) => text),
  };
}

/**
 * Comments and strings, which are left alone; an import within a type; or a name that is used, with the `typeof` before
 * it. A member's own name is followed by a colon.
 */
const TOKEN =
  /\/\*[\s\S]*?\*\/|"[^"]*"(?!\))|`[^`]*`|import\("([^"]+)"\)\.(\w+)|(?<![\w.])(typeof )?\b([A-Za-z_]\w*)\b(?!\??:)/g;

function block(name: string, lines: string[]): string {
  return `${name}: {\n${lines.join("\n")}\n};`;
}

/** Indents every line by the braces that are open at it. */
function indented(text: string): string {
  let depth = 0;
  return text
    .split("\n")
    .map((line) => {
      const trimmed = line.trim();
      const code =
        trimmed.startsWith("*") || trimmed.startsWith("/*") ? "" : trimmed.replace(/"[^"]*"|`[^`]*`/g, "");
      const closing = /^[}\])]*/.exec(code)?.[0].length ?? 0;
      const at = depth - closing;
      depth += (code.match(/[{[(]/g)?.length ?? 0) - (code.match(/[}\])]/g)?.length ?? 0);
      return trimmed === "" ? "" : `${"  ".repeat(at)}${trimmed.startsWith("*") ? " " : ""}${trimmed}`;
    })
    .join("\n");
}
