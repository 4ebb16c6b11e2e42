// SPDX-License-Identifier: Apache-2.0

import { canonicalize, rfc3339, scrubTexts } from '@sealwatch/base'
import type { DsseEnvelope } from '@sealwatch/keys'
import { commitForm, pullRequestForm, type SignoffStatement, sha256, signoffNameForm } from '@sealwatch/ledger'
import { type Authorised, actBy } from '../../access/index.ts'
import { type Recorded, type RecordOptions, recordAct } from '../../identity/index.ts'
import type { Tables, Tx } from '../../store/index.ts'
import { signoffLimits, signoffsError } from './errors.ts'

/** As somebody asks for it: nothing of it is checked. */
export type GivenSignoff = {
  readonly name: string
  readonly checklist: { readonly text: string } | { readonly digest: string }
  readonly commit?: string | undefined
  readonly pullRequest?: string | undefined
  /** A person's id. From the operator alone: whoever else acts is the approver. */
  readonly approver?: string | undefined
}

export type Signoff = {
  /** SHA-256 of what is signed. */
  readonly id: string
  readonly statement: SignoffStatement
  /** Null: it was too long, or withheld. */
  readonly checklist: string | null
  readonly envelope: DsseEnvelope
}

/** Acceptances, each a signed event of the tenant's ledger (SIG-7; docs/formats/signoff.md). */
export type Signoffs = {
  /** Throws SIGNOFF_INVALID, SIGNOFF_CHECKLIST, SIGNOFF_APPROVER, SIGNOFFS_TOO_MANY, and what the signer throws. */
  add(by: Authorised<'signoff:write'>, given: GivenSignoff): Promise<Recorded & { readonly signoff: Signoff }>
  /** Newest first, of a name or of all. */
  list(by: Authorised<'signoff:read'>, name?: string): Promise<Signoff[]>
  /** Throws SIGNOFF_UNKNOWN. */
  get(by: Authorised<'signoff:read'>, id: string): Promise<Signoff>
}

export function createSignoffs(
  options: RecordOptions & {
    /** Of the root ledger: the deployment that signs. */
    readonly origin: string
    readonly sign: (statement: SignoffStatement) => Promise<DsseEnvelope>
  },
): Signoffs {
  const { store, clock, origin, sign } = options
  const { db } = store

  async function approverOf({ principal, ...by }: Authorised, named: string | undefined): Promise<string> {
    const wrong = (received: string, advice?: string) =>
      signoffsError('SIGNOFF_APPROVER', {
        attempted: 'finding the final approver',
        received,
        ...(advice && { advice }),
      })
    const self = actBy({ principal, ...by } as Authorised).name
    if (principal.kind !== 'operator') {
      if (named !== undefined && `person:${named}` !== self)
        throw wrong(`${named}, by ${self}`, 'Leave --approver out: it is whoever acts')
      return self
    }
    if (named === undefined) throw wrong('the operator, who names nobody')
    const person = await db.selectFrom('people').selectAll().where('person_id', '=', named).executeTakeFirst()
    if (person === undefined || person.disabled_at !== null) throw wrong(named)
    return `person:${named}`
  }

  return {
    add: async (by, given) => {
      const { tenant } = by
      const { digest, text } = checklistOf(given)
      const { name, commit, pullRequest } = checked(given)
      const approver = await approverOf(by, given.approver)
      const statement: SignoffStatement = {
        approver,
        by: actBy(by).name,
        checklist: digest,
        commit,
        name,
        origin,
        pull_request: pullRequest,
        tenant,
        time: rfc3339(clock.nowNs()),
        v: 1,
      }
      const id = sha256(Buffer.from(canonicalize(statement))).toHex()
      const envelope = await sign(statement)
      const recorded = await recordAct(
        options,
        {
          code: name,
          component: 'trust',
          tenant,
          by: actBy(by),
          verb: 'create',
          severity: 'medium',
          message: `${approver} signed off ${name.slice(0, -'.signoff'.length)} at ${commit ?? pullRequest}`,
          entity: { type: 'Signoff', uid: id },
          details: { signoff: { id, ...statement, checklist_text: text, envelope } },
        },
        (tx) => insert(tx, { id, statement, checklist: text, envelope }),
      )
      return { ...recorded, signoff: { id, statement, checklist: text, envelope } }
    },
    list: async ({ tenant }, name) => {
      let query = db.selectFrom('signoffs').selectAll().where('tenant', '=', tenant)
      if (name !== undefined) query = query.where('name', '=', name)
      const newest = query.orderBy('signed_at', 'desc').orderBy('signoff').limit(signoffLimits.listed)
      return (await newest.execute()).map(signoffOf)
    },
    get: async ({ tenant }, id) => {
      const row = await db
        .selectFrom('signoffs')
        .selectAll()
        .where('tenant', '=', tenant)
        .where('signoff', '=', id)
        .executeTakeFirst()
      if (row === undefined) throw signoffsError('SIGNOFF_UNKNOWN', { attempted: 'reading a sign-off', received: id })
      return signoffOf(row)
    },
  }
}

const attempted = 'signing off'

function checked({ name, commit, pullRequest }: GivenSignoff) {
  const wrong = (received: string) => signoffsError('SIGNOFF_INVALID', { attempted, received })
  if (!signoffNameForm.test(name)) throw wrong(`the name ${JSON.stringify(name.slice(0, 128))}`)
  if (commit !== undefined && !commitForm.test(commit)) throw wrong(`the commit ${commit.slice(0, 80)}`)
  if (pullRequest !== undefined && !pullRequestForm.test(pullRequest))
    throw wrong(`the pull request ${pullRequest.slice(0, 256)}`)
  if (commit === undefined && pullRequest === undefined) throw wrong('neither a commit nor a pull request')
  return { name, commit: commit ?? null, pullRequest: pullRequest ?? null }
}

/** A text that the line would not hold as it is could never be held against its digest. */
function checklistOf({ checklist }: GivenSignoff): { readonly digest: string; readonly text: string | null } {
  if ('digest' in checklist) return { digest: checklist.digest, text: null }
  const { text } = checklist
  const bytes = Buffer.from(text)
  const digest = sha256(bytes).toHex()
  if (bytes.length > signoffLimits.textBytes) return { digest, text: null }
  const wrong = (received: string) => signoffsError('SIGNOFF_CHECKLIST', { attempted, received })
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/.test(text) || !text.isWellFormed())
    throw wrong('control characters')
  const { text: scrubbed } = scrubTexts({ text })
  if (scrubbed !== text) throw wrong('what looks like a secret')
  return { digest, text }
}

async function insert(tx: Tx, { id, statement, checklist, envelope }: Signoff): Promise<void> {
  const { tenant, name, time: signed_at } = statement
  const { count } = await tx
    .selectFrom('signoffs')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('tenant', '=', tenant)
    .executeTakeFirstOrThrow()
  if (count >= signoffLimits.perTenant) throw signoffsError('SIGNOFFS_TOO_MANY', { attempted, received: count })
  const row = { tenant, signoff: id, name, signed_at, checklist, envelope: JSON.stringify(envelope) }
  await tx.insertInto('signoffs').values(row).execute()
}

function signoffOf({ signoff: id, checklist, envelope: text }: Tables['signoffs']): Signoff {
  const envelope = JSON.parse(text) as DsseEnvelope
  const statement = JSON.parse(Buffer.from(envelope.payload, 'base64').toString()) as SignoffStatement
  return { id, statement, checklist, envelope }
}
