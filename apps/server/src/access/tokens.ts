// SPDX-License-Identifier: Apache-2.0

import { hash, randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { deadline, rfc3339 } from '@sealwatch/base'
import { nameFault, slugName } from '@sealwatch/contract'
import { type Recorded, type RecordOptions, recordAct } from '../identity/index.ts'
import { across } from '../store/index.ts'
import { type Action, notGrantable } from './actions.ts'
import { accessError, perTenantMax } from './errors.ts'
import type { Authorised, Gate } from './gate.ts'
import { nameOf, type Principal } from './principal.ts'
import { checkOwn } from './roles.ts'
import { rowOf, type TokenRow } from './token-row.ts'

/**
 * `swt_`, 32 random bytes in base64url, and the CRC-32 of all before it in hex: whoever scans for secrets tells one from
 * its look-alikes without asking us.
 */
const tokenForm = /^swt_([A-Za-z0-9_-]{43})([0-9a-f]{8})$/
const ttlSecondsMax = 366 * 24 * 3600
const nameMax = 64
/** Uses that are written down in one transaction. */
const usedAtOnce = 16
const tendMs = 60_000
const endedAtOnce = 200

export type Tokens = {
  list(by: Authorised<'token:list'>): TokenRow[]
  /** The token itself is shown this once. Throws TOKEN_INVALID, GRANT_BEYOND_OWN or ACCESS_TOO_MANY. */
  create(
    by: Authorised<'token:create'>,
    wanted: {
      readonly name: string
      readonly actions: readonly string[]
      readonly ttlSeconds: number
      readonly service?: string
    },
  ): Promise<{ readonly token: string; readonly row: TokenRow; readonly recorded: Recorded }>
  /** Counts at once. Throws API_TOKEN_UNKNOWN. */
  revoke(by: Authorised<'token:revoke'>, tokenId: string): Promise<Recorded>
  /** Whose token it is; undefined: nobody's, or not any more. */
  principalOf(presented: string): Principal | undefined
  /** Whether it still counts. */
  isLive(tenant: string, tokenId: string): boolean
  forgetTenant(tenant: string): void
  /** Writes down which have ended, until the signal fires. */
  run(signal: AbortSignal): Promise<void>
}

/**
 * `usedMinute`: of `lastUsedAt`, since 1970; -1 before the first use since the start. One that was written down as ended is
 * so for good, and any other once its time has passed by either clock: whoever sets the wall clock back brings none to life.
 */
type Kept = TokenRow & {
  readonly hasPassed: () => boolean
  readonly isEnded: boolean
  readonly usedMinute: number
}

export async function openTokens(options: RecordOptions & { readonly gate: () => Gate }): Promise<Tokens> {
  const { store, clock, gate } = options
  // By the hash of the secret, so that finding one takes the same time whatever was presented.
  const rows = new Map<string, Kept>()
  const hashes = new Map<string, string>()
  const ofTenants = new Map<string, string[]>()
  function keptOf(row: TokenRow, isEnded: boolean): Kept {
    const seen = [row.createdAt, row.lastUsedAt?.replace('Z', '.000000000Z') ?? row.createdAt]
    return { ...row, hasPassed: deadline(clock, row.expiresAt, seen), isEnded, usedMinute: -1 }
  }
  function add(secretHash: string, row: TokenRow, isEnded = false): void {
    rows.set(secretHash, keptOf(row, isEnded))
    hashes.set(row.tokenId, secretHash)
    const own = ofTenants.get(row.tenant) ?? []
    own.push(secretHash)
    ofTenants.set(row.tenant, own)
  }
  const rowsOf = (tenant: string) => (ofTenants.get(tenant) ?? []).map((secretHash) => rows.get(secretHash) as Kept)
  for (const row of await across(store.db, 'start').selectFrom('api_tokens').selectAll().execute())
    add(row.secret_hash, rowOf(row), row.ended_at !== null)

  function find(tenant: string, tokenId: string): [string, Kept] | undefined {
    const secretHash = hashes.get(tokenId)
    const row = secretHash === undefined ? undefined : rows.get(secretHash)
    return row?.tenant === tenant ? [secretHash as string, row] : undefined
  }
  /** The token that made it, if one did: none is good for longer than that. */
  const makerOf = ({ tenant, createdBy }: TokenRow) =>
    createdBy.startsWith('machine:') ? find(tenant, createdBy.slice('machine:'.length))?.[1] : undefined
  const isOver = ({ isEnded, hasPassed }: Kept) => isEnded || hasPassed()
  function isLive(row: Kept): boolean {
    if (row.revokedAt !== null || isOver(row)) return false
    const maker = makerOf(row)
    return maker === undefined ? !row.createdBy.startsWith('machine:') : isLive(maker)
  }

  const toWrite: Kept[] = []
  /** Not waited for, and not for every use: a minute is enough to tell what is in use from what is not. */
  function used(secretHash: string, row: Kept): void {
    const usedMinute = Math.floor(clock.nowMs() / 60_000)
    if (row.usedMinute === usedMinute) return
    const lastUsedAt = `${rfc3339(clock.nowNs()).slice(0, 16)}:00Z`
    const next = { ...row, usedMinute, lastUsedAt }
    rows.set(secretHash, next)
    toWrite.push(next)
    if (toWrite.length === 1) void writeUsed().catch(() => toWrite.splice(0))
  }

  /** All that are in use are, with each minute: some at a time, for others wait meanwhile. */
  async function writeUsed(): Promise<void> {
    while (toWrite.length > 0) {
      await clock.sleep(0)
      await store.derived(async (tx) => {
        for (const { tenant, tokenId, lastUsedAt } of toWrite.slice(0, usedAtOnce))
          await tx
            .updateTable('api_tokens')
            .set({ last_used_at: lastUsedAt })
            .where('tenant', '=', tenant)
            .where('token_id', '=', tokenId)
            .execute()
      })
      toWrite.splice(0, usedAtOnce)
    }
  }

  async function tend(): Promise<void> {
    const over = [...rows].filter(([, row]) => !row.isEnded && isOver(row))
    for (let from = 0; from < over.length; from += endedAtOnce) {
      const some = over.slice(from, from + endedAtOnce)
      const ended_at = rfc3339(clock.nowNs())
      await store.transaction(async (tx) => {
        for (const [, { tenant, tokenId }] of some)
          await tx
            .updateTable('api_tokens')
            .set({ ended_at })
            .where('tenant', '=', tenant)
            .where('token_id', '=', tokenId)
            .execute()
      })
      for (const [secretHash] of some) {
        const row = rows.get(secretHash)
        if (row !== undefined) rows.set(secretHash, { ...row, isEnded: true })
      }
    }
  }

  return {
    run: async (signal) => {
      while (!signal.aborted) {
        await clock.sleep(tendMs, signal)
        await tend()
      }
    },
    isLive: (tenant, tokenId) => {
      const found = find(tenant, tokenId)
      return found !== undefined && isLive(found[1])
    },
    forgetTenant: (tenant) => {
      for (const secretHash of ofTenants.get(tenant) ?? []) {
        hashes.delete(rows.get(secretHash)?.tokenId ?? '')
        rows.delete(secretHash)
      }
      ofTenants.delete(tenant)
    },
    list: ({ tenant }) => rowsOf(tenant),
    principalOf: (presented) => {
      const [, secret, sum] = tokenForm.exec(presented) ?? []
      if (secret === undefined || sum !== sumOf(secret)) return undefined
      const secretHash = hashOf(secret)
      const row = rows.get(secretHash)
      if (row === undefined || !isLive(row)) return undefined
      used(secretHash, row)
      const { tokenId: id, tenant, actions, service } = row
      return { kind: 'machine', id, tenant, actions, ...(service !== null && { service }) }
    },
    create: async (by, { name, actions: wanted, ttlSeconds, service }) => {
      const attempted = 'creating a token'
      const title = name.normalize('NFC').trim()
      const refused = notGrantable(wanted, 'tokens')
      const wrong =
        title.length < 1 || title.length > nameMax || nameFault(title) !== undefined
          ? `a name of ${title.length} characters${nameFault(title) === undefined ? '' : `, where ${nameFault(title)?.rule}`}`
          : refused !== undefined
            ? refused
            : !isServiceFit(wanted, service)
              ? `the service ${JSON.stringify(service ?? null)} for ${wanted.join(', ')}`
              : !Number.isInteger(ttlSeconds) || ttlSeconds < 60 || ttlSeconds > ttlSecondsMax
                ? `${ttlSeconds} seconds`
                : undefined
      if (wrong !== undefined) throw accessError('TOKEN_INVALID', { attempted, received: wrong })
      const may = [...new Set(wanted)].sort() as Action[]
      checkOwn(gate(), by, may, attempted)
      const { tenant } = by
      const secret = randomBytes(32).toString('base64url')
      const secretHash = hashOf(secret)
      const tokenId = `tok_${randomBytes(10).toString('hex')}`
      const doer = { name: nameOf(by.principal), requestId: by.requestId }
      let row: TokenRow | undefined
      const recorded = await recordAct(
        options,
        {
          code: 'token_created',
          component: 'access',
          tenant,
          by: doer,
          verb: 'create',
          severity: 'medium',
          message: `the token ${tokenId} was created in the tenant ${tenant} and may: ${may.join(', ')}`,
          entity: { type: 'API Token', uid: tokenId },
          details: { token_actions: may, ...(service !== undefined && { token_service: service }) },
        },
        async (tx, timeNs) => {
          const stored = await tx.selectFrom('api_tokens').select('token_id').where('tenant', '=', tenant).execute()
          // Those whose line is not in the ledger yet count, too.
          const live = stored.filter(({ token_id }) => {
            const found = find(tenant, token_id)
            return found === undefined || isLive(found[1])
          }).length
          if (live >= perTenantMax.tokens)
            throw accessError('ACCESS_TOO_MANY', { attempted, received: `${live} tokens` })
          row = {
            tokenId,
            tenant,
            name: title,
            actions: may,
            service: service ?? null,
            createdAt: rfc3339(timeNs),
            createdBy: doer.name,
            expiresAt: rfc3339(timeNs + BigInt(ttlSeconds) * 1_000_000_000n),
            lastUsedAt: null,
            revokedAt: null,
          }
          await tx
            .insertInto('api_tokens')
            .values({
              tenant,
              token_id: tokenId,
              name: title,
              secret_hash: secretHash,
              actions: JSON.stringify(may),
              service: service ?? null,
              created_at: row.createdAt,
              created_by: row.createdBy,
              expires_at: row.expiresAt,
              last_used_at: null,
              revoked_at: null,
              ended_at: null,
            })
            .execute()
        },
        { given: async () => add(secretHash, row as TokenRow) },
      )
      return { token: `swt_${secret}${sumOf(secret)}`, row: row as unknown as TokenRow, recorded }
    },
    revoke: async (by, tokenId) => {
      const { tenant } = by
      const found = find(tenant, tokenId)
      if (found === undefined)
        throw accessError('API_TOKEN_UNKNOWN', { attempted: 'revoking a token', received: tokenId })
      const [secretHash] = found
      let revokedAt = rfc3339(clock.nowNs())
      return recordAct(
        options,
        {
          code: 'token_revoked',
          component: 'access',
          tenant,
          by: { name: nameOf(by.principal), requestId: by.requestId },
          verb: 'delete',
          severity: 'medium',
          message: `the token ${tokenId} of the tenant ${tenant} was revoked`,
          entity: { type: 'API Token', uid: tokenId },
          details: {},
        },
        async (tx, timeNs) => {
          revokedAt = rfc3339(timeNs)
          await tx
            .updateTable('api_tokens')
            .set({ revoked_at: revokedAt })
            .where('tenant', '=', tenant)
            .where('token_id', '=', tokenId)
            .where('revoked_at', 'is', null)
            .execute()
        },
        {
          taken: () => {
            const row = rows.get(secretHash)
            if (row !== undefined) rows.set(secretHash, { ...row, revokedAt: row.revokedAt ?? revokedAt })
          },
        },
      )
    },
  }
}

/** A token that writes rows writes those of one service, and may nothing else; no other names one. */
const isServiceFit = (wanted: readonly string[], service: string | undefined): boolean =>
  wanted.includes('rows:write')
    ? wanted.length === 1 && service !== undefined && slugName.form.test(service)
    : service === undefined

const hashOf = (secret: string): string => hash('sha256', Buffer.from(secret, 'base64url'), 'hex')
const sumOf = (secret: string): string => crc32(`swt_${secret}`).toString(16).padStart(8, '0')
