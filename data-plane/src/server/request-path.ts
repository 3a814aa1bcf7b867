/** The path without its query, from either form of request target (RFC 9112, section 3.2). */
export function pathOf(target: string): string {
  const query = target.indexOf("?");
  const withoutQuery = query === -1 ? target : target.slice(0, query);
  if (withoutQuery.startsWith("/")) return withoutQuery;
  const slash = withoutQuery.indexOf("/", withoutQuery.indexOf("//") + 2);
  return slash === -1 ? "/" : withoutQuery.slice(slash);
}

/** What follows the question mark; empty where there is none. */
export function queryOf(target: string): string {
  const query = target.indexOf("?");
  return query === -1 ? "" : target.slice(query + 1);
}
