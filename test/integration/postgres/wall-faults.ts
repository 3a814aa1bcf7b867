/** What a table must be like so that tenants never meet in it, as one question to the catalogue. */
import type { Query } from "./platform.ts";

/** Of the platform, without a tenant: out of reach of the tenants' role, or the same for all tenants. */
const PLATFORM_TABLES = ["price_versions", "regions", "releases", "signing_keys"];
/** Keyed by what is known before the tenant is. */
const KEYED_OTHERWISE = ["key_handles", "tenants"];

interface WallFault {
  readonly table: string;
  readonly fault: string;
}

/** Every way in which a table of this database breaks the rules. None is expected. */
export async function wallFaults(query: Query): Promise<WallFault[]> {
  const rows = await query(FAULTS, [PLATFORM_TABLES, KEYED_OTHERWISE]);
  return rows.map((row) => ({ table: String(row["name"]), fault: String(row["fault"]) }));
}

/** The tables that hold tenants' rows, with the column that says whose a row is. */
export async function tenantTables(query: Query): Promise<{ name: string; column: string }[]> {
  const rows = await query(
    `SELECT relname AS name FROM pg_class
     WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relname <> ALL ($1) ORDER BY 1`,
    [PLATFORM_TABLES],
  );
  return rows.map((row) => {
    const name = String(row["name"]);
    return { name, column: name === "tenants" ? "id" : "tenant_id" };
  });
}

const FAULTS = `
  WITH relations AS (
    SELECT oid, relname AS name, relkind, relrowsecurity AS enabled, relforcerowsecurity AS forced, relowner AS owner
    FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f')
  ), walled AS (
    SELECT * FROM relations WHERE relkind IN ('r', 'p') AND name <> ALL ($1)
  ), policies AS (
    SELECT polrelid AS oid, polpermissive AS permissive, polcmd AS cmd, polroles AS roles,
      pg_get_expr(polqual, polrelid) AS reads, pg_get_expr(polwithcheck, polrelid) AS writes
    FROM pg_policy
  ), tenants_role AS (
    SELECT oid FROM pg_roles WHERE rolname = 'headgate_app'
  ), indexes AS (
    SELECT w.name, a.attname AS first_column FROM walled w JOIN pg_index i ON i.indrelid = w.oid AND i.indisunique
    JOIN pg_attribute a ON a.attrelid = w.oid AND a.attnum = i.indkey[0] WHERE w.name <> ALL ($2)
  ), references_made AS (
    SELECT w.name, a.attname AS from_column, b.attname AS to_column
    FROM walled w JOIN pg_constraint k ON k.conrelid = w.oid AND k.contype = 'f'
    JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
    JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = k.confkey[1]
  )
  SELECT name, 'is neither a table nor a partition' AS fault FROM relations WHERE relkind NOT IN ('r', 'p')
  UNION ALL SELECT name, 'row-level security is off' FROM walled WHERE NOT enabled
  UNION ALL SELECT name, 'row-level security is not forced' FROM walled WHERE NOT forced
  UNION ALL SELECT name, 'no policy keeps the tenants'' role to its own rows, reading and writing' FROM walled w
    WHERE NOT EXISTS (SELECT FROM policies p, tenants_role r WHERE p.oid = w.oid AND p.cmd = '*' AND p.roles = ARRAY[r.oid]
      AND p.reads = p.writes AND p.reads ~ '^\\(\\w+ = NULLIF\\(current_setting\\(''app.tenant_id''::text, true\\), ''''::text\\)\\)$')
  UNION ALL SELECT name, 'more than one policy opens it to the tenants'' role' FROM walled w
    WHERE (SELECT count(*) FROM policies p, tenants_role r
      WHERE p.oid = w.oid AND p.permissive AND (p.roles && ARRAY[r.oid, 0::oid])) > 1
  UNION ALL SELECT name, 'tenant_id is missing or may be null' FROM walled w WHERE name <> 'tenants'
    AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = w.oid AND a.attname = 'tenant_id' AND a.attnotnull)
  UNION ALL SELECT name, 'has no primary key' FROM walled w
    WHERE NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = w.oid AND i.indisprimary)
  UNION ALL SELECT name, 'a unique key begins with ' || first_column FROM indexes WHERE first_column <> 'tenant_id'
  UNION ALL SELECT name, 'a reference begins with ' || from_column FROM references_made
    WHERE from_column <> 'tenant_id' OR to_column NOT IN ('tenant_id', 'id')
  UNION ALL SELECT name, 'belongs to ' || rolname FROM relations JOIN pg_roles r ON r.oid = owner
    WHERE r.rolsuper OR r.rolbypassrls OR r.rolcanlogin OR r.oid IN (SELECT oid FROM tenants_role)
  ORDER BY 1, 2`;
