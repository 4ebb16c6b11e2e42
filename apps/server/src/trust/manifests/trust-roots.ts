// SPDX-License-Identifier: Apache-2.0

import { type Log, messageOf, rfc3339 } from '@sealwatch/base'
import {
  checkFresh,
  manifestCrypto as crypto,
  type DsseEnvelope,
  openFirstRoot,
  openNextRoot,
  openRootChain,
  type TrustedRoot,
} from '@sealwatch/keys'
import { type Authorised, actBy } from '../../access/index.ts'
import { type Reader, type Recorded, type RecordOptions, recordAct } from '../../identity/index.ts'
import type { Tables, Tx } from '../../store/index.ts'
import { collectError } from './errors.ts'

export type InstalledRoot = Recorded & { readonly root: TrustedRoot }
export type TrustRootRow = Omit<Tables['trust_roots'], 'envelope'> & { readonly envelope: DsseEnvelope }

/** Whose signatures count in this deployment (docs/formats/trust-root.md). */
export type TrustRoots = {
  /** Undefined: none was installed. It may have expired. Throws where what is kept does not verify: then nothing counts. */
  newest(): TrustedRoot | undefined
  /** One that has not expired. Throws MANIFEST_NO_ROOT, TRUST_ROOT_EXPIRED. */
  required(nowNs: bigint, attempted: string): TrustedRoot
  /** Trust on first use, by root alone. Throws TRUST_ROOT_INSTALLED, and what `openFirstRoot` throws. */
  install(by: Authorised<'trust-root:install'>, envelope: DsseEnvelope): Promise<InstalledRoot>
  /** The next version, whoever brings it. Throws MANIFEST_NO_ROOT, and what `openNextRoot` throws. */
  follow(by: Authorised<'manifest:apply'>, envelope: DsseEnvelope): Promise<InstalledRoot>
  /** Every version, the first one first. */
  list(by: Authorised<'manifest:read'>): Promise<TrustRootRow[]>
}

export async function openTrustRoots(options: RecordOptions & { readonly log: Log }): Promise<TrustRoots> {
  const { store, clock, log } = options
  let read: () => TrustedRoot | undefined = () => undefined
  await reload(store.db)

  /** Each version is judged again at each start. */
  async function reload(db: Reader): Promise<void> {
    const rows = await rowsIn(db)
    const [first] = rows
    try {
      const envelopes = rows.map(({ envelope }) => envelope)
      const newest = first && openRootChain(first.digest, envelopes, crypto, 'reading the trust root')
      read = () => newest
    } catch (cause) {
      log.error('the trust root that is kept does not verify: no manifest counts', { cause: messageOf(cause) })
      read = () => {
        throw cause
      }
    }
  }

  function newest(attempted: string): TrustedRoot {
    const root = read()
    if (root === undefined) throw collectError('MANIFEST_NO_ROOT', { attempted })
    return root
  }

  async function keep(
    by: Authorised,
    { root, digestHex, envelope, count }: TrustedRoot,
    told: { readonly code: string; readonly verb: 'create' | 'update'; readonly message: string },
    check: (tx: Tx) => Promise<void>,
  ): Promise<Recorded> {
    const { version } = root
    const act = {
      ...told,
      component: 'trust',
      tenant: 'cluster',
      by: actBy(by),
      severity: 'high',
      entity: { type: 'Trust Root', uid: digestHex },
      details: {
        trust_root: digestHex,
        trust_root_version: version,
        expires_at: root.expires,
        signatures_counted: count.signers.map(({ keyid }) => keyid),
        signatures_needed: count.threshold,
      },
    } as const
    const change = async (tx: Tx, timeNs: bigint) => {
      await check(tx)
      const row = { version, digest: digestHex, envelope: JSON.stringify(envelope) }
      const applied_at = rfc3339(timeNs)
      await tx
        .insertInto('trust_roots')
        .values({ ...row, applied_at, applied_by: act.by.name })
        .execute()
    }
    // A root gives as well as it takes: it counts once its line is in the ledger.
    return recordAct(options, act, change, { given: reload })
  }

  return {
    newest: () => read(),
    required: (nowNs, attempted) => {
      const root = newest(attempted)
      checkFresh(root, nowNs, attempted)
      return root
    },
    install: async (by, envelope) => {
      const attempted = 'installing the first trust root'
      const root = openFirstRoot(envelope, crypto, { attempted })
      checkFresh(root, clock.nowNs(), attempted)
      const told = {
        code: 'trust_root_installed',
        verb: 'create',
        message: `trust on first use: root on the server's machine installed the trust root ${root.digestHex}; whoever keeps its keys compares that digest`,
      } as const
      const recorded = await keep(by, root, told, async (tx) => {
        const found = await newestIn(tx)
        if (found !== undefined)
          throw collectError('TRUST_ROOT_INSTALLED', { attempted, received: `version ${found.version}` })
      })
      log.warn('a trust root was installed: trust on first use', { digest: root.digestHex })
      return { ...recorded, root }
    },
    follow: async (by, envelope) => {
      const attempted = 'following the trust root'
      const now = newest(attempted)
      const root = openNextRoot(now, envelope, crypto, attempted)
      checkFresh(root, clock.nowNs(), attempted)
      const { version } = root.root
      const told = {
        code: 'trust_root_followed',
        verb: 'update',
        message: `version ${version} of the trust root follows version ${now.root.version}`,
      } as const
      const recorded = await keep(by, root, told, async (tx) => {
        const found = await newestIn(tx)
        // Somebody else was faster: it is judged against what they brought.
        if (found?.digest !== now.digestHex) openNextRoot(await rootIn(tx), envelope, crypto, attempted)
      })
      return { ...recorded, root }
    },
    list: async () => rowsIn(store.db),
  }
}

async function rowsIn(db: Reader): Promise<TrustRootRow[]> {
  const rows = await db.selectFrom('trust_roots').selectAll().orderBy('version').execute()
  return rows.map((row) => ({ ...row, envelope: JSON.parse(row.envelope) as DsseEnvelope }))
}

const newestIn = (db: Reader) =>
  db.selectFrom('trust_roots').select(['version', 'digest']).orderBy('version', 'desc').limit(1).executeTakeFirst()

async function rootIn(db: Reader): Promise<TrustedRoot> {
  const rows = await rowsIn(db)
  const envelopes = rows.map(({ envelope }) => envelope)
  return openRootChain(rows[0]?.digest ?? '', envelopes, crypto, 'reading the trust root')
}
