/**
 * What agents, keys, providers, models, routes, rules, limits and budgets have in common: they are made, read, changed
 * and deleted in one way. A kind says what sets it apart; each change is one of the policy, see `change-policy.ts`.
 */
import { isDeepStrictEqual } from "node:util";
import type { Id, IdKind, Selector } from "@headgate/sdk/contract";
import { z } from "zod";
import type { TenantRow } from "../db/schema/tenants.ts";
import { type TenantTx, withTenant } from "../db/tenant-scope.ts";
import { conflict, Fault } from "../lib/fault.ts";
import { type Page, type PageRequest, pageOf } from "../lib/page.ts";
import { requireFound } from "../lib/require-found.ts";
import { unixMs } from "../lib/view.ts";
import { type ChangeContext, changePolicy } from "./change-policy.ts";
import {
  countRows,
  deleteRow,
  findRow,
  insertRow,
  isTaken,
  type Made,
  type Match,
  type ResourceRow,
  selectorsOf,
  selectRows,
  type TableOf,
  updateRow,
} from "./repository.ts";

const revision = z.number().int().nonnegative();

/** Members of every resource's view, beside its content. */
export const resourceMembers = {
  created_at: unixMs,
  /** The tenant's revision at which it was made or last changed. */
  revision,
};

/** Member of every input that changes a resource: it is refused when the resource is at another revision by then. */
export const expectedRevision = { expected_revision: revision.optional() };

export interface ResourceKind<K extends IdKind, Row extends ResourceRow<K>, View extends object> {
  /** Of its ids. */
  readonly kind: K;
  /** As in the API's paths; actions in the audit log begin with it. */
  readonly plural: string;
  readonly table: TableOf<Row>;
  /** Where it is not its own id by which it is meant: the column of the one that is. */
  readonly address?: Match["column"];
  /** So many a snapshot holds. */
  readonly max: number;
  readonly view: (row: Row) => View;
  /** Set where two may have the same name. */
  readonly namesRepeat?: true;
  /** Throws a fault for a row that must not be stored, be it new or changed. */
  readonly check?: (tx: TenantTx, row: Row) => Promise<void>;
  /** Ids of what refers to it: while there is any, it is not deleted. */
  readonly usersOf?: (tx: TenantTx, row: Row) => Promise<string[]>;
  /** By what limits and budgets name it, which refer to it as well. */
  readonly selector?: (row: Row) => Selector;
}

/** The transaction of a change, and the tenant with the revision that the change takes. */
export interface ChangeScope {
  readonly tx: TenantTx;
  readonly tenant: TenantRow;
}

/** Which resource is meant, by its own id or that of its `address`. */
export interface Target<K extends IdKind> {
  readonly id: Id<K>;
  readonly expected_revision?: number | undefined;
}

/** How an update that is more than that is called in the audit log, and `takesAway` as in `Change`. */
export interface UpdateOptions {
  readonly verb?: string;
  readonly takesAway?: boolean;
}

export function policyResource<
  K extends IdKind,
  Row extends ResourceRow<K>,
  View extends object,
  Address extends IdKind = K,
>(kind: ResourceKind<K, Row, View>) {
  const { plural, table, view } = kind;

  /** Stores what `build` makes of the members that every row has. */
  function create(
    ctx: ChangeContext,
    build: (made: Made<K>, scope: ChangeScope) => Row | Promise<Row>,
  ): Promise<View> {
    return changePolicy(ctx, {
      action: `${plural}.create`,
      run: async (tx, tenant) => {
        const made = {
          tenant_id: tenant.id,
          id: ctx.services.makeId(kind.kind),
          created_at: ctx.services.clock.wallMs(),
          revision: tenant.revision,
        };
        const row = await build(made, { tx, tenant });
        await requireStorable(tx, row);
        if ((await countRows(tx, table)) >= kind.max)
          throw conflict(`There are ${kind.max} of them already.`);
        await insertRow(tx, table, row);
        return { result: view(row), resource: row.id, detail: contentOf(view(row)) };
      },
    });
  }

  async function get(ctx: ChangeContext, id: Id<Address>): Promise<View> {
    return view(await withTenant(ctx.services.db, ctx.tenantId, (tx) => requireRow(tx, { id })));
  }

  /** In the order of their ids. */
  async function list(ctx: ChangeContext, page: PageRequest, match?: Match): Promise<Page<View>> {
    const rows = await withTenant(ctx.services.db, ctx.tenantId, (tx) =>
      selectRows(tx, table, { match, after: page.cursor, limit: page.limit + 1 }),
    );
    return pageOf(rows, page.limit, { cursor: (row) => row.id, view });
  }

  /** Sets the values, or what a function makes of the row as it is. */
  function update(
    ctx: ChangeContext,
    target: Target<Address>,
    change: Partial<Row> | ((before: Row, scope: ChangeScope) => Promise<Partial<Row>>),
    { verb = "update", takesAway = false }: UpdateOptions = {},
  ): Promise<View> {
    return changePolicy(ctx, {
      action: `${plural}.${verb}`,
      takesAway,
      run: async (tx, tenant) => {
        const before = await requireRow(tx, target);
        const values = typeof change === "function" ? await change(before, { tx, tenant }) : change;
        if (Object.keys(values).length === 0)
          throw new Fault("api.invalid_input", { detail: "Nothing to change." });
        const row = await store({ tx, tenant }, before, values);
        const changed = Object.entries(view(row)).filter(([name]) => name in values);
        return { result: view(row), resource: row.id, detail: Object.fromEntries(changed) };
      },
    });
  }

  /** Part of a change that is more than an update of one row. Gives the row as it is then. */
  async function store({ tx, tenant }: ChangeScope, before: Row, values: Partial<Row>): Promise<Row> {
    const wanted = { ...before, ...values };
    const row = isDeepStrictEqual(wanted, before) ? before : { ...wanted, revision: tenant.revision };
    await requireStorable(tx, row);
    await updateRow(tx, table, row);
    return row;
  }

  /** Gives the resource as it was. */
  function remove(ctx: ChangeContext, target: Target<Address>): Promise<View> {
    return changePolicy(ctx, {
      action: `${plural}.delete`,
      takesAway: true,
      run: async (tx) => {
        const row = await requireRow(tx, target);
        const users = (await kind.usersOf?.(tx, row)) ?? [];
        const selecting = kind.selector === undefined ? [] : await selectorsOf(tx, kind.selector(row));
        requireUnused([...users, ...selecting]);
        await deleteRow(tx, table, row.id);
        return { result: view(row), resource: row.id, detail: contentOf(view(row)) };
      },
    });
  }

  /** Throws `api.not_found`, or `api.precondition_failed` where another revision was expected. */
  async function requireRow(tx: TenantTx, target: Target<Address>): Promise<Row> {
    const row = requireFound(
      await findRow(tx, table, { column: kind.address ?? table.id, value: target.id }),
    );
    requireRevision(row, target.expected_revision);
    return row;
  }

  async function requireStorable(tx: TenantTx, row: Row): Promise<void> {
    await kind.check?.(tx, row);
    const { id, name } = row;
    if (table.name === undefined || name === undefined || kind.namesRepeat) return;
    if (await isTaken(tx, table, { column: table.name, value: name, id }))
      throw conflict("The name is taken.", "name");
  }

  return { create, get, list, update, delete: remove, requireRow, store };
}

/** Throws `api.precondition_failed` where another revision was expected than the one that the row is at. */
export function requireRevision(row: { revision: number }, expected: number | undefined): void {
  if (expected !== undefined && expected !== row.revision)
    throw new Fault("api.precondition_failed", {
      parameter: "expected_revision",
      detail: `Its revision is ${row.revision}.`,
    });
}

const USERS_NAMED_MAX = 10;

/** Throws `api.conflict` with the ids of what still refers to the thing that is to be deleted. */
export function requireUnused(users: readonly string[]): void {
  if (users.length === 0) return;
  const more = users.length > USERS_NAMED_MAX ? ` and ${users.length - USERS_NAMED_MAX} more` : "";
  throw conflict(`It is used by ${users.slice(0, USERS_NAMED_MAX).join(", ")}${more}.`);
}

/** What the audit log keeps of a view; the rest is in its other columns. */
function contentOf(view: object): Record<string, unknown> {
  const { id, created_at, revision, ...content } = { id: "", created_at: 0, revision: 0, ...view };
  return content;
}
