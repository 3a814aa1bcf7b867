import { isObject, type Json, type JsonObject } from "./wire.ts";

/** A place in a value: keys and indexes; "*" stands for every item of a list. */
export type PropertyPath = (string | number)[];

/** Reads `spec.containers[0].image`, `metadata.annotations["a.b/c"]`, `spec.ports[*].port`. */
export function parsePropertyPath(text: string): PropertyPath {
  const path: PropertyPath = [];
  for (const [, key, index, quoted] of text.matchAll(/([^.[\]"]+)(?![^[]*\])|\[(\d+|\*)\]|\["([^"]*)"\]/g)) {
    if (quoted !== undefined) path.push(quoted);
    else if (index !== undefined) path.push(index === "*" ? "*" : Number(index));
    else if (key !== undefined) path.push(key);
  }
  return path;
}

export function formatPropertyPath(path: PropertyPath): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === "number") return `${text}[${part}]`;
    if (!/^[A-Za-z_$][\w$]*$/.test(part)) return `${text}["${part}"]`;
    return text === "" ? part : `${text}.${part}`;
  }, "");
}

/** Whether `path` lies at or below `pattern`, whose "*" fits any index. */
export function liesWithin(path: PropertyPath, pattern: PropertyPath): boolean {
  return (
    path.length >= pattern.length &&
    pattern.every((part, at) => part === path[at] || (part === "*" && path[at] !== undefined))
  );
}

export function getAt(value: Json | undefined, path: PropertyPath): Json | undefined {
  let current = value;
  for (const part of path) {
    if (Array.isArray(current) && typeof part === "number") current = current[part];
    else if (isObject(current) && typeof part === "string") current = current[part];
    else return undefined;
  }
  return current;
}

/** A copy of `value` with `replacement` at `path`; nothing there if it is undefined. Missing parents are made. */
export function withAt(value: Json | undefined, path: PropertyPath, replacement: Json | undefined): Json {
  const [part, ...rest] = path;
  if (part === undefined) return replacement ?? null;
  if (typeof part === "number") {
    const list = Array.isArray(value) ? [...value] : [];
    if (rest.length === 0 && replacement === undefined) list.splice(part, 1);
    else list[part] = withAt(list[part], rest, replacement);
    return list;
  }
  const object: JsonObject = isObject(value) ? { ...value } : {};
  if (replacement === undefined && (rest.length === 0 || object[part] === undefined)) {
    if (rest.length === 0) delete object[part];
    return object;
  }
  object[part] = withAt(object[part], rest, replacement);
  return object;
}

/** The places that a path with "*" means in `value`. */
export function expandPath(value: Json | undefined, path: PropertyPath): PropertyPath[] {
  const star = path.indexOf("*");
  if (star < 0) return [path];
  const list = getAt(value, path.slice(0, star));
  if (!Array.isArray(list)) return [];
  return list.flatMap((_, index) =>
    expandPath(value, [...path.slice(0, star), index, ...path.slice(star + 1)]),
  );
}
