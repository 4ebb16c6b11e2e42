// SPDX-License-Identifier: Apache-2.0

import { rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'

/** Of the schema below. Whatever else a file says is made anew: all in it is computed from the ledgers. */
export const entriesVersion = 4

/** Leaves that share a row of `spans`. */
export const spanLeaves = 1024

/**
 * Nearly every row is an event of a host, so an index over all rows costs each of them: time and class are found by
 * stretches of leaves instead (`spans`, `span_classes`), and the other indexes hold the few rows that are something else.
 */
const schema = `
  CREATE TABLE cursors (
    tenant TEXT PRIMARY KEY, position INTEGER NOT NULL, side_position INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE entries (
    tenant TEXT NOT NULL, leaf_index INTEGER NOT NULL, time_ms INTEGER NOT NULL, kind TEXT NOT NULL, class_uid INTEGER,
    event_uid TEXT, PRIMARY KEY (tenant, leaf_index)) STRICT, WITHOUT ROWID;
  CREATE INDEX entries_by_uid ON entries (tenant, event_uid) WHERE event_uid IS NOT NULL;
  CREATE INDEX entries_other ON entries (tenant, kind, leaf_index) WHERE kind <> 'event';
  CREATE TABLE own_entries (
    tenant TEXT NOT NULL, leaf_index INTEGER NOT NULL, uid TEXT NOT NULL,
    PRIMARY KEY (tenant, leaf_index)) STRICT, WITHOUT ROWID;
  CREATE INDEX own_entries_by_uid ON own_entries (uid);
  CREATE TABLE spans (
    tenant TEXT NOT NULL, first_leaf INTEGER NOT NULL, from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL,
    PRIMARY KEY (tenant, first_leaf)) STRICT, WITHOUT ROWID;
  CREATE TABLE span_classes (
    tenant TEXT NOT NULL, first_leaf INTEGER NOT NULL, class_uid INTEGER NOT NULL, entries INTEGER NOT NULL,
    PRIMARY KEY (tenant, first_leaf, class_uid)) STRICT, WITHOUT ROWID;
  CREATE TABLE batches (
    chain TEXT NOT NULL, last_seq INTEGER NOT NULL, tenant TEXT NOT NULL, leaf_index INTEGER NOT NULL,
    kind TEXT NOT NULL, PRIMARY KEY (chain, last_seq)) STRICT, WITHOUT ROWID;
  CREATE TABLE submissions (
    tenant TEXT NOT NULL, producer TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, digest TEXT NOT NULL,
    leaf_index INTEGER NOT NULL, reason TEXT, item TEXT, PRIMARY KEY (tenant, producer, id, kind)) STRICT, WITHOUT ROWID;
  CREATE TABLE fills (
    tenant TEXT NOT NULL, leaf_index INTEGER NOT NULL, next_leaf INTEGER NOT NULL, stub_leaf INTEGER NOT NULL,
    item TEXT NOT NULL, how TEXT NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (tenant, leaf_index),
    UNIQUE (tenant, stub_leaf)) STRICT, WITHOUT ROWID;
  CREATE TABLE marked_submissions (
    tenant TEXT NOT NULL, leaf_index INTEGER NOT NULL, rows INTEGER NOT NULL, mark TEXT NOT NULL,
    PRIMARY KEY (tenant, leaf_index)) STRICT, WITHOUT ROWID;
  CREATE TABLE incident_entries (
    tenant TEXT NOT NULL, incident TEXT NOT NULL, leaf_index INTEGER NOT NULL, code TEXT NOT NULL,
    PRIMARY KEY (tenant, incident, leaf_index)) STRICT, WITHOUT ROWID;
  CREATE TABLE incidents (
    tenant TEXT NOT NULL, first_leaf INTEGER NOT NULL, incident TEXT NOT NULL,
    PRIMARY KEY (tenant, first_leaf), UNIQUE (tenant, incident)) STRICT, WITHOUT ROWID;
  CREATE TABLE side_values (
    tenant TEXT NOT NULL, leaf_index INTEGER NOT NULL, sealed BLOB NOT NULL,
    PRIMARY KEY (tenant, leaf_index)) STRICT, WITHOUT ROWID;
  PRAGMA user_version = ${entriesVersion}`

/** 16 MiB: what the index writes in a quarter of a second at most. */
const walPagesMax = 4096
const busyMsMax = 5000

/**
 * Opens the index at `path`, empty where there is none that can be used. It is derived, so a power cut may take back what
 * was written last, whole transactions of it.
 */
export function openEntries(path: string): DatabaseSync {
  try {
    return open(path)
  } catch (error) {
    if (!isUnusable(error)) throw error
    removeEntries(path)
    return open(path)
  }
}

export function removeEntries(path: string): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true })
}

function open(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: busyMsMax })
  try {
    database.exec(`PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=${walPagesMax};
      PRAGMA secure_delete=ON`)
    const { user_version } = database.prepare('PRAGMA user_version').get() as { user_version: number }
    if (user_version === entriesVersion) return database
    if (user_version !== 0) throw new Unusable(`an index of version ${user_version}`)
    database.exec(`BEGIN IMMEDIATE; ${schema}; COMMIT`)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

class Unusable extends Error {}

/** SQLITE_CORRUPT, SQLITE_NOTADB. */
const isUnusable = (error: unknown) =>
  error instanceof Unusable || [11, 26].includes((error as { errcode?: number }).errcode ?? 0)
