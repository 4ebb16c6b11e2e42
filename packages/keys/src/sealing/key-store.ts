// SPDX-License-Identifier: Apache-2.0

import { closeSync, openSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { diskErrors, errorsOf } from '@sealwatch/base'
import { sealingError } from './errors.ts'

const diskError = errorsOf(diskErrors)

/** An epoch of the system master key. */
export type EpochRow = {
  readonly epoch: number
  readonly kind: 'local' | 'kms'
  /** What the settings asked for, a KMS key's id, ARN or alias, and what it turned out to be: its ARN. Empty for `local`. */
  readonly asked: string
  readonly keyId: string
  /** RFC 3339. */
  readonly createdAt: string
  /** Since when nothing is wrapped under it any more. */
  readonly retiredAt: string | null
}

/** A tenant's key of an epoch, wrapped under the master key of `masterEpoch`. Epoch 0: a key from before epochs. */
export type TenantKeyRow = {
  readonly tenant: string
  readonly epoch: number
  readonly masterEpoch: number
  readonly wrapped: Uint8Array
}

/** A person's key, wrapped under the tenant's key of `epoch`. */
export type SubjectKeyRow = {
  readonly id: string
  readonly label: Uint8Array
  readonly epoch: number
  readonly wrapped: Uint8Array
}

export type ErasedCounts = { readonly tenantKeys: number; readonly subjectKeys: number }

/**
 * The wrapped keys, in one SQLite file that one process alone works on. Every change is durable when its call returns.
 * Deleted keys are overwritten in the file, and the write-ahead log is cut; what the file system keeps of freed blocks is
 * outside its reach (docs/threat-model.md).
 */
export type KeyStore = {
  /** Those that have begun, oldest first. */
  epochs(): EpochRow[]
  /** Takes the number of the next epoch before its key is made, so that a key is never there without its row. */
  planEpoch(): number
  plannedEpoch(): number | undefined
  beginEpoch(row: Omit<EpochRow, 'retiredAt'>): void
  retireEpoch(epoch: number, retiredAt: string): void
  /** Epochs whose beginning does not stand in the ledger yet. */
  unrecordedEpochs(): EpochRow[]
  epochRecorded(epoch: number): void

  tenantKey(tenant: string, epoch: number): TenantKeyRow | undefined
  addTenantKey(row: TenantKeyRow): void
  /** Keys that are still wrapped under another master key than that of `masterEpoch`, at most `max`. */
  tenantKeysToRewrap(masterEpoch: number, max: number): TenantKeyRow[]
  /** All or none; those that were erased or wrapped anew meanwhile are left as they are. */
  rewrapTenantKeys(keys: readonly { readonly before: TenantKeyRow; readonly after: TenantKeyRow }[]): void
  tenantKeyCounts(): { readonly masterEpoch: number; readonly keys: number }[]

  subjectKey(tenant: string, label: Uint8Array, epoch: number): SubjectKeyRow | undefined
  subjectKeyById(tenant: string, id: string): SubjectKeyRow | undefined
  /** The oldest key of a label, of whatever epoch. */
  firstSubjectKey(tenant: string, label: Uint8Array): SubjectKeyRow | undefined
  /** All or none. */
  addSubjectKeys(tenant: string, rows: readonly SubjectKeyRow[]): void
  subjectKeyCount(tenant?: string): number

  /** Destroys a person's keys, or with no label all of a tenant, and counts the ledger as applied up to `applied`. */
  erase(tenant: string, label: Uint8Array | undefined, applied: number): ErasedCounts
  isTenantErased(tenant: string): boolean
  wasErased(id: string): boolean
  /** Leaves of the cluster's ledger whose orders to erase have been carried out. */
  readonly applied: number
  setApplied(applied: number): void
  close(): void
}

const sqliteFull = 13

const schema = `
  CREATE TABLE epochs (
    epoch INTEGER PRIMARY KEY, kind TEXT, asked TEXT, key_id TEXT, created_at TEXT, retired_at TEXT,
    recorded INTEGER NOT NULL DEFAULT 0) STRICT;
  CREATE TABLE tenant_keys (
    tenant TEXT NOT NULL, epoch INTEGER NOT NULL, master_epoch INTEGER NOT NULL REFERENCES epochs, wrapped BLOB NOT NULL,
    PRIMARY KEY (tenant, epoch)) STRICT, WITHOUT ROWID;
  CREATE TABLE subject_keys (
    tenant TEXT NOT NULL, id TEXT NOT NULL, label BLOB NOT NULL, epoch INTEGER NOT NULL, wrapped BLOB NOT NULL,
    PRIMARY KEY (tenant, id), UNIQUE (tenant, label, epoch)) STRICT, WITHOUT ROWID;
  CREATE TABLE erased_keys (id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
  CREATE TABLE erased_tenants (tenant TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
  CREATE TABLE applied (leaves INTEGER NOT NULL) STRICT;
  INSERT INTO applied VALUES (0);`

export function openKeyStore(path: string): KeyStore {
  // SQLite gives its log the mode of the database.
  closeSync(openSync(path, 'a', 0o600))
  const db = new DatabaseSync(path)
  // FULL: a value is sealed under a new key only when that key survives a power cut.
  db.exec('PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON')
  const { user_version: version } = db.prepare('PRAGMA user_version').get() as { user_version: number }
  if (version > 1) {
    db.close()
    const attempted = `opening ${path}`
    throw sealingError('KEYS_DAMAGED', { attempted, received: `schema ${version}, known up to 1` })
  }
  if (version === 0) db.exec(`BEGIN IMMEDIATE; ${schema} PRAGMA user_version = 1; COMMIT`)

  const begun =
    'SELECT epoch, kind, asked, key_id AS keyId, created_at AS createdAt, retired_at AS retiredAt FROM epochs WHERE kind NOTNULL'
  const tenantColumns = 'tenant, epoch, master_epoch AS masterEpoch, wrapped'
  const sql = {
    epochs: db.prepare(`${begun} ORDER BY epoch`),
    unrecorded: db.prepare(`${begun} AND recorded = 0 ORDER BY epoch`),
    planned: db.prepare('SELECT epoch FROM epochs WHERE kind ISNULL'),
    plan: db.prepare('INSERT INTO epochs (epoch) SELECT coalesce(max(epoch), 0) + 1 FROM epochs RETURNING epoch'),
    begin: db.prepare('UPDATE epochs SET kind = ?, asked = ?, key_id = ?, created_at = ? WHERE epoch = ?'),
    retire: db.prepare('UPDATE epochs SET retired_at = ? WHERE epoch = ?'),
    recorded: db.prepare('UPDATE epochs SET recorded = 1 WHERE epoch = ?'),
    tenantKey: db.prepare(`SELECT ${tenantColumns} FROM tenant_keys WHERE tenant = ? AND epoch = ?`),
    addTenantKey: db.prepare('INSERT INTO tenant_keys (tenant, epoch, master_epoch, wrapped) VALUES (?, ?, ?, ?)'),
    toRewrap: db.prepare(`SELECT ${tenantColumns} FROM tenant_keys WHERE master_epoch <> ? LIMIT ?`),
    rewrap: db.prepare(
      'UPDATE tenant_keys SET master_epoch = ?, wrapped = ? WHERE tenant = ? AND epoch = ? AND master_epoch = ?',
    ),
    counts: db.prepare('SELECT master_epoch AS masterEpoch, count(*) AS keys FROM tenant_keys GROUP BY 1 ORDER BY 1'),
    byLabel: db.prepare(
      'SELECT id, label, epoch, wrapped FROM subject_keys WHERE tenant = ? AND label = ? AND epoch = ?',
    ),
    byId: db.prepare('SELECT id, label, epoch, wrapped FROM subject_keys WHERE tenant = ? AND id = ?'),
    first: db.prepare(
      'SELECT id, label, epoch, wrapped FROM subject_keys WHERE tenant = ? AND label = ? ORDER BY epoch LIMIT 1',
    ),
    addSubject: db.prepare('INSERT INTO subject_keys (tenant, id, label, epoch, wrapped) VALUES (?, ?, ?, ?, ?)'),
    count: db.prepare('SELECT count(*) AS keys FROM subject_keys WHERE tenant = ?'),
    countAll: db.prepare('SELECT count(*) AS keys FROM subject_keys'),
    markLabel: db.prepare(
      'INSERT OR IGNORE INTO erased_keys SELECT id FROM subject_keys WHERE tenant = ? AND label = ?',
    ),
    markTenant: db.prepare('INSERT OR IGNORE INTO erased_keys SELECT id FROM subject_keys WHERE tenant = ?'),
    dropLabel: db.prepare('DELETE FROM subject_keys WHERE tenant = ? AND label = ?'),
    dropSubjects: db.prepare('DELETE FROM subject_keys WHERE tenant = ?'),
    dropTenant: db.prepare('DELETE FROM tenant_keys WHERE tenant = ?'),
    eraseTenant: db.prepare('INSERT OR IGNORE INTO erased_tenants VALUES (?)'),
    tenantErased: db.prepare('SELECT 1 FROM erased_tenants WHERE tenant = ?'),
    keyErased: db.prepare('SELECT 1 FROM erased_keys WHERE id = ?'),
    applied: db.prepare('SELECT leaves FROM applied'),
    setApplied: db.prepare('UPDATE applied SET leaves = ?'),
  }

  /** What a full disk refuses is not written at all, and may be tried again. */
  function writing<T>(work: () => T): T {
    try {
      return work()
    } catch (cause) {
      const isFull = (cause as { errcode?: number }).errcode === sqliteFull
      throw isFull ? diskError('DISK_FULL', { attempted: `writing ${path}`, cause }) : cause
    }
  }

  const inTransaction = <T>(work: () => T): T =>
    writing(() => {
      db.exec('BEGIN IMMEDIATE')
      try {
        const result = work()
        db.exec('COMMIT')
        return result
      } catch (cause) {
        // SQLite has rolled back by itself where the disk is full.
        if (db.isTransaction) db.exec('ROLLBACK')
        throw cause
      }
    })

  /** Overwrites what was deleted or replaced in the file itself, and cuts the log that holds what was there before. */
  const flushErased = () => writing(() => db.exec('PRAGMA wal_checkpoint(TRUNCATE)'))

  return {
    epochs: () => sql.epochs.all() as EpochRow[],
    plannedEpoch: () => (sql.planned.get() as { epoch: number } | undefined)?.epoch,
    planEpoch: () => writing(() => (sql.planned.get() ?? sql.plan.get()) as { epoch: number }).epoch,
    beginEpoch: ({ epoch, kind, asked, keyId, createdAt }) =>
      writing(() => void sql.begin.run(kind, asked, keyId, createdAt, epoch)),
    retireEpoch: (epoch, retiredAt) => {
      writing(() => void sql.retire.run(retiredAt, epoch))
      flushErased()
    },
    unrecordedEpochs: () => sql.unrecorded.all() as EpochRow[],
    epochRecorded: (epoch) => writing(() => void sql.recorded.run(epoch)),

    tenantKey: (tenant, epoch) => sql.tenantKey.get(tenant, epoch) as TenantKeyRow | undefined,
    addTenantKey: ({ tenant, epoch, masterEpoch, wrapped }) =>
      writing(() => void sql.addTenantKey.run(tenant, epoch, masterEpoch, wrapped)),
    tenantKeysToRewrap: (masterEpoch, max) => sql.toRewrap.all(masterEpoch, max) as TenantKeyRow[],
    rewrapTenantKeys: (keys) =>
      inTransaction(() => {
        for (const { before, after } of keys)
          sql.rewrap.run(after.masterEpoch, after.wrapped, before.tenant, before.epoch, before.masterEpoch)
      }),
    tenantKeyCounts: () => sql.counts.all() as { masterEpoch: number; keys: number }[],

    subjectKey: (tenant, label, epoch) => sql.byLabel.get(tenant, label, epoch) as SubjectKeyRow | undefined,
    subjectKeyById: (tenant, id) => sql.byId.get(tenant, id) as SubjectKeyRow | undefined,
    firstSubjectKey: (tenant, label) => sql.first.get(tenant, label) as SubjectKeyRow | undefined,
    addSubjectKeys: (tenant, rows) =>
      inTransaction(() => {
        for (const { id, label, epoch, wrapped } of rows) sql.addSubject.run(tenant, id, label, epoch, wrapped)
      }),
    subjectKeyCount: (tenant) =>
      ((tenant === undefined ? sql.countAll.get() : sql.count.get(tenant)) as { keys: number }).keys,

    erase: (tenant, label, applied) => {
      const counts = inTransaction(() => {
        sql.setApplied.run(applied)
        if (label !== undefined) {
          sql.markLabel.run(tenant, label)
          return { tenantKeys: 0, subjectKeys: Number(sql.dropLabel.run(tenant, label).changes) }
        }
        sql.eraseTenant.run(tenant)
        sql.markTenant.run(tenant)
        const subjectKeys = Number(sql.dropSubjects.run(tenant).changes)
        return { tenantKeys: Number(sql.dropTenant.run(tenant).changes), subjectKeys }
      })
      flushErased()
      return counts
    },
    isTenantErased: (tenant) => sql.tenantErased.get(tenant) !== undefined,
    wasErased: (id) => sql.keyErased.get(id) !== undefined,
    get applied() {
      return (sql.applied.get() as { leaves: number }).leaves
    },
    setApplied: (applied) => writing(() => void sql.setApplied.run(applied)),
    close: () => db.close(),
  }
}
