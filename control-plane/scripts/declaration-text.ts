/**
 * Reads the text of emitted declarations. The compiler has no programming interface, but what it emits is regular:
 * brackets are balanced, statements start at the beginning of a line, and every name is imported or declared.
 */

export interface Declaration {
  readonly kind: "interface" | "type" | "const";
  /** An interface or a type as it stands, without `export` and `declare`; of a constant only its type. */
  readonly text: string;
}

/** Splits at a separator outside of all brackets, strings and comments. */
export function splitTopLevel(text: string, separator: ";" | ","): string[] {
  const parts: string[] = [];
  let start = 0;
  walk(text, 0, (index, depth) => {
    if (depth === 0 && text[index] === separator) {
      parts.push(text.slice(start, index));
      start = index + 1;
    }
    return true;
  });
  parts.push(text.slice(start));
  return parts.map((part) => part.trim()).filter((part) => part !== "");
}

/** What is between the bracket at `open` and its partner. */
export function bracketed(text: string, open: number): string {
  let end = -1;
  walk(text, open, (index, depth) => {
    if (index > open && depth === 0) end = index;
    return end < 0;
  });
  if (end < 0) throw new Error(`no end to the bracket in: ${text.slice(open, open + 60)}`);
  return text.slice(open + 1, end);
}

/** The members of an object type's body, without comments. */
export function membersOf(body: string): { name: string; type: string }[] {
  return splitTopLevel(body, ";").map((part) => {
    const [, name = "", type = ""] = /^(?:\/\*\*[\s\S]*?\*\/\s*)?(\w+)\??:\s*([\s\S]*)$/.exec(part) ?? [];
    if (name === "") throw new Error(`not a member: ${part.slice(0, 60)}`);
    return { name, type };
  });
}

/** The declaration of a name at the top level of a module, if it has one. */
export function declarationOf(source: string, name: string): Declaration | undefined {
  const head = new RegExp(`^(?:export )?(?:declare )?(interface|type|const) ${name}\\b`, "m").exec(source);
  if (head === null) return undefined;
  const kind = head[1] as Declaration["kind"];
  const start = head.index + head[0].indexOf(kind);
  let end = -1;
  walk(source, start, (index, depth) => {
    const char = source[index];
    if (depth === 0 && (char === ";" || (kind === "interface" && char === "}"))) end = index;
    return end < 0;
  });
  const text = source.slice(start, end + 1);
  if (kind !== "const") return { kind, text };
  return { kind, text: text.slice(text.indexOf(":") + 1, -1).trim() };
}

/** Names that a module takes from others: local name to its source. */
export function importsOf(source: string): Map<string, { module: string; name: string }> {
  const found = new Map<string, { module: string; name: string }>();
  for (const [, names = "", module = ""] of source.matchAll(
    /^import (?:type )?\{([^}]*)\} from "([^"]+)";$/gm,
  )) {
    for (const item of splitTopLevel(names, ",")) {
      const [, name = "", local = name] = /^(?:type )?(\w+)(?: as (\w+))?$/.exec(item) ?? [];
      found.set(local, { module, name });
    }
  }
  return found;
}

/** Calls `visit` with each position that is in no string or comment, and how deep in brackets it is after it. */
function walk(text: string, from: number, visit: (index: number, depth: number) => boolean): void {
  let depth = 0;
  for (let index = from; index < text.length; index += 1) {
    const char = text[index] ?? "";
    if (text.startsWith("/*", index)) index = text.indexOf("*/", index) + 1;
    else if (char === '"' || char === "'" || char === "`") index = endOfString(text, index);
    else {
      if ("{[(<".includes(char)) depth += 1;
      // The arrow of a function type closes nothing.
      if ("}])".includes(char) || (char === ">" && text[index - 1] !== "=")) depth -= 1;
      if (!visit(index, depth)) return;
    }
  }
}

function endOfString(text: string, start: number): number {
  let index = start + 1;
  while (index < text.length && text[index] !== text[start]) index += text[index] === "\\" ? 2 : 1;
  return index;
}
