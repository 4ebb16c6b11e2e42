// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { type Kysely, sql } from 'kysely'
import { across, acrossReasons, TenantNotFixed } from './guard.ts'
import { openStore } from './store.ts'

type Any = Kysely<Record<string, Record<string, unknown>>>
const store = openStore(':memory:')
const [control, index] = [store.db, store.index] as unknown as [Any, Any]
after(() => store.close())

/** What is of no tenant, and why. */
const ofNone: Readonly<Record<string, string>> = {
  signed_heads: 'of each ledger, the root ledger included, by its own name',
  people: 'a person may hold roles in several tenants',
  sessions: 'of a person; acts in one tenant at a time',
  login_links: 'for a person that is yet to come',
  break_glass: 'of the deployment',
  strict_acknowledgements: 'of the deployment',
  trust_roots: 'of the deployment',
  manifests: 'of the deployment; what a manifest is about stands in what was signed',
  manifest_signatures: 'of the deployment',
  rules_recorded: 'of the deployment: all tenants are judged by the same rules',
  key_orders: 'of the deployment: an incident is of its machine, and the master key of all tenants',
}

async function tablesIn(db: Any): Promise<Map<string, string[]>> {
  const rows = await across(db, 'start')
    .selectFrom(
      sql<{ name: string; column: string }>`(SELECT m.name AS name, p.name AS column FROM sqlite_master AS m
      JOIN pragma_table_info(m.name) AS p WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%')`.as('found'),
    )
    .selectAll()
    .execute()
  return Map.groupBy(rows as { name: string; column: string }[], ({ name }) => name)
    .entries()
    .reduce(
      (all, [name, of]) =>
        all.set(
          name,
          of.map(({ column }) => column),
        ),
      new Map<string, string[]>(),
    )
}

const refused = (query: { execute(): Promise<unknown> }) => assert.rejects(query.execute(), TenantNotFixed)
const t = 'acme'

test('POL-1 every table says whose its rows are; of none that belongs to tenants a row is read or written without its tenant', async () => {
  for (const db of [control, index])
    for (const [table, columns] of await tablesIn(db)) {
      if (!columns.includes('tenant')) {
        assert.ok(table in ofNone, `${table}: give it a column \`tenant\`, or say here why it needs none`)
        continue
      }
      const other = columns.find((column) => column !== 'tenant') as string
      const of = { [other]: 'x' }
      await refused(db.selectFrom(table).selectAll())
      await refused(db.selectFrom(table).selectAll().where(other, '=', 'x'))
      await refused(db.selectFrom(table).select(({ fn }) => fn.countAll().as('count')))
      await refused(db.deleteFrom(table))
      await refused(db.deleteFrom(table).where(other, 'is not', null))
      await refused(db.updateTable(table).set(of))
      await refused(db.updateTable(table).set(of).where(other, '=', 'y'))
      await refused(db.insertInto(table).values(of))
      await refused(db.insertInto(table).expression(db.selectFrom(table).selectAll()))
      await db.selectFrom(table).selectAll().where('tenant', '=', t).execute()
      await db
        .selectFrom(`${table} as it`)
        .selectAll()
        .where('it.tenant', '=', t)
        .where(`it.${other}`, '=', 'x')
        .execute()
      await across(db, 'status').selectFrom(table).selectAll().execute()
      if (db === index) continue
      await db.deleteFrom(table).where('tenant', '=', t).execute()
      await db.updateTable(table).set(of).where('tenant', '=', t).execute()
    }
})

test('a condition that does not bind every row to one tenant is none', async () => {
  const rows = control.selectFrom('chains').selectAll()
  const bad = [
    rows.where(({ or, eb }) => or([eb('tenant', '=', t), eb('chain', '=', 'x')])),
    rows.where('tenant', '!=', t),
    rows.where('tenant', 'in', [t, 'globex']),
    rows.where('tenant', 'like', '%'),
    rows.where(({ not, eb }) => not(eb('tenant', '=', t))),
    rows.whereRef('tenant', '=', 'tenant'),
    rows.whereRef('tenant', '=', 'host_id'),
    rows.where('tenant', '=', control.selectFrom('people').select('name').limit(1) as never),
    rows.where(sql<boolean>`tenant = ${t}`),
    rows.where('tenant', '=', t).union(rows),
    rows.innerJoin('hosts', 'hosts.host_id', 'chains.host_id').where('chains.tenant', '=', t),
    rows.innerJoin('hosts', 'hosts.host_id', 'chains.host_id').where('tenant', '=', t),
    rows.leftJoin('hosts', (join) => join.on('chains.tenant', '=', t as never).on('hosts.tenant', '=', t as never)),
    rows.where('chains.tenant', '=', t).where(({ exists, selectFrom }) => exists(selectFrom('hosts').selectAll())),
    control.selectFrom(control.selectFrom('hosts').selectAll().as('inner')).selectAll(),
    control
      .with('all', (db) => db.selectFrom('hosts').selectAll())
      .selectFrom('all')
      .selectAll(),
    control.updateTable('chains').set({ host_id: 'h' }).from('hosts').where('chains.tenant', '=', t),
    control.selectFrom('people').selectAll().where(sql<boolean>`EXISTS (SELECT 1 FROM hosts)`),
    control
      .insertInto('hosts')
      .values({ tenant: t, host_id: 'h' })
      .onConflict((on) => on.column('host_id').doUpdateSet({ hostname: 'x' })),
  ]
  for (const query of bad) await refused(query as never)
  await assert.rejects(sql`DELETE FROM hosts`.execute(control), TenantNotFixed)

  const good = [
    rows.where('chains.tenant', '=', t).where(({ or, eb }) => or([eb('chain', '=', 'x'), eb('chain', '=', 'y')])),
    rows.innerJoin('hosts', 'hosts.tenant', 'chains.tenant').where('chains.tenant', '=', t),
    rows.leftJoin('hosts', (join) => join.onRef('hosts.tenant', '=', 'chains.tenant')).where('chains.tenant', '=', t),
    rows
      .where('chains.tenant', '=', t)
      .where(({ exists, selectFrom }) =>
        exists(selectFrom('hosts').selectAll().whereRef('hosts.tenant', '=', 'chains.tenant')),
      ),
    control
      .insertInto('hosts')
      .values({
        tenant: t,
        host_id: 'h',
        hostname: '',
        machine_id: '',
        facts: '',
        enrolled_at: '',
        cert_serial: '',
        cert_expires_at: '',
      })
      .onConflict((on) =>
        on
          .column('host_id')
          .doUpdateSet({ hostname: 'x' })
          .where('hosts.tenant', '=', t as never),
      ),
  ]
  for (const query of good) await query.execute()
})

test('a statement that may look across tenants is no leave for the next one with the same words', async () => {
  const all = () => control.selectFrom('chains').selectAll()
  await across(control, 'status').selectFrom('chains').selectAll().execute()
  await refused(all())
  await control.transaction().execute(async (tx) => {
    await across(tx, 'status').selectFrom('chains').selectAll().execute()
    await refused(tx.selectFrom('chains').selectAll())
  })
})

test("every reason to look across tenants is somebody's", () => {
  const source = join(import.meta.dirname, '..')
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter(
    (path) => path.endsWith('.ts') && !path.endsWith('.test.ts'),
  )
  const text = files.map((path) => readFileSync(join(source, path), 'utf8')).join('\n')
  for (const reason of Object.keys(acrossReasons))
    assert.ok(new RegExp(`across\\([^)]*'${reason}'\\)`).test(text), reason)
})
