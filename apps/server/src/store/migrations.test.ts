// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { across } from './guard.ts'
import { migrations } from './migrations.ts'
import { openStore } from './store.ts'

/** A database as an earlier version left it: with the first `applied` migrations. */
function older(path: string, applied: number, rows: string): void {
  const database = new DatabaseSync(path)
  for (const migration of migrations.slice(0, applied)) database.exec(migration)
  database.exec(`${rows}; PRAGMA user_version = ${applied}`)
  database.close()
}

test('hosts and join tokens from before they had a tenant get theirs: where they shipped for one, that', async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-migrations-'))
  const path = join(dir.path, 'index.sqlite')
  const hosts = { none: [], own: ['default', 'cluster'], acme: ['cluster', 'acme', 'acme'], both: ['default', 'acme'] }
  const rows = Object.entries(hosts).flatMap(([host, tenants]) => [
    `INSERT INTO hosts VALUES ('${host}', 'name', 'm', '{}', 't', NULL, NULL, 's', 'e', NULL)`,
    ...tenants.map((tenant, i) => `INSERT INTO chains VALUES ('${host}-${i}', '${tenant}', '${host}', 't')`),
  ])
  older(path, 3, [...rows, "INSERT INTO join_tokens VALUES ('h', 'c', 'e', NULL, NULL)"].join('; '))
  const store = openStore(dir.path)
  const found = await across(store.db, 'status')
    .selectFrom('hosts')
    .select(['host_id', 'tenant', 'cert_expires_at'])
    .execute()
  assert.deepEqual(
    Object.fromEntries(found.map(({ host_id, tenant, cert_expires_at }) => [host_id, `${tenant} ${cert_expires_at}`])),
    { none: 'default e', own: 'default e', acme: 'acme e', both: 'default e' },
  )
  const token = await across(store.db, 'status').selectFrom('join_tokens').selectAll().executeTakeFirstOrThrow()
  assert.deepEqual(
    { ...token },
    {
      secret_hash: 'h',
      tenant: 'default',
      created_at: 'c',
      expires_at: 'e',
      used_at: null,
      host_id: null,
      ended_at: null,
    },
  )
  await store.close()
})

test('ING-1 keys from before they had producers are those of their hosts, active as they were, with their revocations', async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-migrations-'))
  const rows = [
    "INSERT INTO hosts VALUES ('h', 'name', 'm', '{}', 't', NULL, NULL, 's', 'e', NULL)",
    "INSERT INTO chains VALUES ('c', 'acme', 'h', 't')",
    "INSERT INTO signing_keys VALUES ('k', 'ed25519', 'aa', 'h', 'from', 'until', NULL)",
    "INSERT INTO signing_keys VALUES ('gone', 'ed25519', 'bb', 'h', 'from', NULL, 'then')",
    "INSERT INTO signing_keys VALUES ('orphan', 'ed25519', 'cc', 'nobody', 'from', NULL, NULL)",
    "INSERT INTO signing_key_revocations VALUES ('gone', 'then', 'leaked')",
  ]
  older(join(dir.path, 'index.sqlite'), 3, rows.join('; '))
  const store = openStore(dir.path)
  const db = across(store.db, 'status')
  const keys = await db.selectFrom('signing_keys').selectAll().orderBy('key_id').execute()
  const of = { producer_kind: 'host', algorithm: 'ed25519', valid_from: 'from', state: 'active', source: 'enrolment' }
  const open = { ...of, valid_until: null, revoked_at: null, ended_at: null }
  assert.deepEqual(
    keys.map((row) => ({ ...row })),
    [
      { ...open, tenant: 'acme', key_id: 'gone', producer: 'h', public_key: 'bb', revoked_at: 'then' },
      { ...open, tenant: 'acme', key_id: 'k', producer: 'h', public_key: 'aa', valid_until: 'until' },
      { ...open, tenant: 'default', key_id: 'orphan', producer: 'nobody', public_key: 'cc' },
    ],
  )
  const revocations = await db.selectFrom('signing_key_revocations').selectAll().execute()
  assert.deepEqual(
    revocations.map((row) => ({ ...row })),
    [{ tenant: 'acme', key_id: 'gone', revoked_at: 'then', cause: 'leaked', compromised_since: null }],
  )
  await store.close()
})
