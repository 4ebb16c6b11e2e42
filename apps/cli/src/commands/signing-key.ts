// SPDX-License-Identifier: Apache-2.0

import { rfc3339 } from '@sealwatch/base'
import { apiOptions, withApi } from '../api.ts'
import { command, exit, form, text } from '../command.ts'
import { cliError } from '../errors.ts'
import { endOf, standingOf } from '../rotation/next.ts'
import { readSmallFile } from '../small-file.ts'
import { columns, safe, safeJson, toSecond } from '../terminal.ts'

const keyBytesMax = 8192

type KeyRow = {
  readonly key_id: string
  readonly producer: string
  readonly producer_kind: string
  readonly algorithm: string
  readonly valid_from: string
  readonly valid_until: string | null
  readonly revoked_at: string | null
  readonly state: 'candidate' | 'staged' | 'active'
  readonly source: string
}

/** `now`: RFC 3339, as the server writes times. */
export const keyRows = (items: readonly KeyRow[], now: string): string =>
  columns([
    ['KEY', 'STATE', 'PRODUCER', 'ALGORITHM', 'FROM', 'UNTIL', 'SOURCE'],
    ...items.map((row) => [
      safe(row.key_id),
      standingOf(row, now),
      `${row.producer_kind} ${safe(row.producer)}`,
      row.algorithm,
      toSecond(row.valid_from),
      endOf(row),
      row.source,
    ]),
  ])

const time = (help: string) =>
  form({
    takes: 'TIME',
    help,
    form: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/,
    mustBe: 'a time like 2026-11-22T12:00:00Z',
  })
const window = {
  from: time('First moment at which the key is valid'),
  until: time('First moment at which it is not valid any more'),
}

export const signingKeyList = command({
  name: 'signing-key list',
  summary: 'The keys that the rows of a tenant are signed with',
  options: { ...apiOptions, producer: text({ takes: 'NAME', help: 'Of this service, or host id, alone' }) },
  examples: ['sudo ./sealwatch signing-key list --producer billing'],
  run: async ({ producer, ...at }, _operands, { io, place, json }) => {
    const query = producer === undefined ? {} : { producer }
    const { items } = await withApi({ ...at, io, place }, 'listing signing keys', (api) =>
      api.call('listSigningKeys', { query }),
    )
    io.out(json ? `${safeJson({ items })}\n` : keyRows(items, rfc3339(io.clock.nowNs())))
    return exit.ok
  },
})

export const signingKeyAdd = command({
  name: 'signing-key add',
  summary: 'Add a key that a service signs its rows with',
  about: `FILE is the public half: SPKI as PEM, or base64 of that in DER, or of an Ed25519 key of the 32 bytes alone. A private key is
refused, and goes nowhere. To rotate, add the new key first, and let the windows of the two overlap.`,
  operands: [
    { name: 'SERVICE', required: true },
    { name: 'FILE', required: true },
  ],
  options: {
    ...apiOptions,
    id: text({ takes: 'ID', help: 'As the service names the key in what it signs: 1 to 128 printable characters' }),
    algorithm: text({ takes: 'NAME', help: 'ed25519 or rsa-sha256 (default: ed25519)' }),
    from: { ...window.from, help: `${window.from.help} (default: now)` },
    until: { ...window.until, help: `${window.until.help} (default: none)` },
  },
  examples: ['sudo ./sealwatch signing-key add billing billing.pub --id billing-2026-11 --until 2027-11-22T00:00:00Z'],
  run: async ({ id, algorithm = 'ed25519', from, until, ...at }, [producer = '', file = ''], { io, place, json }) => {
    const attempted = 'adding a signing key'
    if (id === undefined) throw cliError('CLI_USAGE', { attempted, advice: 'Name the key: --id billing-2026-11' })
    const body = {
      key_id: id,
      algorithm,
      public_key: readPublicKey(file, attempted),
      ...(from !== undefined && { valid_from: from }),
      ...(until !== undefined && { valid_until: until }),
    }
    const answer = await withApi({ ...at, io, place }, attempted, (api) =>
      api.call('addSigningKey', { params: { producer }, body }),
    )
    io.out(json ? `${safeJson(answer)}\n` : `${safe(producer)} may sign with ${safe(id)}.\n`)
    return exit.ok
  },
})

/** Looks at it first: what is private must not leave the machine. */
function readPublicKey(file: string, attempted: string): string {
  const unfit = (received: string, cause?: unknown) =>
    cliError('CLI_USAGE', {
      attempted,
      received,
      cause,
      advice: 'Give the public half: openssl pkey -in KEY -pubout -out KEY.pub',
    })
  let held: string
  try {
    held = readSmallFile(file, keyBytesMax)
  } catch (cause) {
    throw unfit(`${file}: ${(cause as NodeJS.ErrnoException).code ?? 'not to be read'}`, cause)
  }
  if (/PRIVATE KEY/.test(held)) throw unfit(`${file}, a private key`)
  return held
}

export const signingKeyShow = command({
  name: 'signing-key show',
  summary: 'A key of a tenant',
  operands: [{ name: 'KEY', required: true }],
  options: apiOptions,
  examples: ['sudo ./sealwatch signing-key show billing-2026-11'],
  run: async (at, [key_id = ''], { io, place, json }) => {
    const key = await withApi({ ...at, io, place }, 'reading a signing key', (api) =>
      api.call('getSigningKey', { params: { key_id } }),
    )
    if (json) io.out(`${safeJson(key)}\n`)
    else {
      const shown = { ...key, state: standingOf(key, rfc3339(io.clock.nowNs())) }
      io.out(
        columns(Object.entries(shown).map(([name, value]) => [name.replaceAll('_', ' '), safe(String(value ?? '-'))])),
      )
    }
    return exit.ok
  },
})

export const signingKeyRevoke = command({
  name: 'signing-key revoke',
  summary: 'Revoke a key for good; it counts at once',
  about: `What was received before stays good, unless it came after --compromised-since. What somebody signs later is quarantined.`,
  operands: [{ name: 'KEY', required: true }],
  options: {
    ...apiOptions,
    cause: text({ takes: 'TEXT', help: 'Why, for the ledger (required); name nobody' }),
    'compromised-since': time('From then on somebody else may have signed under it'),
  },
  examples: ['sudo ./sealwatch signing-key revoke billing-2026-11 --cause leaked'],
  run: async ({ cause, 'compromised-since': since, ...at }, [key_id = ''], { io, place, json }) => {
    const attempted = 'revoking a signing key'
    if (cause === undefined) throw cliError('CLI_WHY', { attempted, advice: 'Say why: --cause "found in an image"' })
    const body = { cause, ...(since !== undefined && { compromised_since: since }) }
    const answer = await withApi({ ...at, io, place }, attempted, (api) =>
      api.call('revokeSigningKey', { params: { key_id }, body }),
    )
    io.out(json ? `${safeJson(answer)}\n` : `${safe(key_id)} is revoked.\n`)
    return exit.ok
  },
})

export const signingKeySetWindow = command({
  name: 'signing-key set-window',
  summary: 'Change when a key is valid',
  about: `The window is half-open: valid from its beginning on and before its end. What it takes counts at once.`,
  operands: [{ name: 'KEY', required: true }],
  options: { ...apiOptions, ...window },
  examples: ['sudo ./sealwatch signing-key set-window billing-2026-11 --until 2026-12-01T00:00:00Z'],
  run: async ({ from, until, ...at }, [key_id = ''], { io, place, json }) => {
    const attempted = 'changing when a key is valid'
    if (from === undefined && until === undefined)
      throw cliError('CLI_USAGE', { attempted, advice: 'Say what is to change: --from TIME, --until TIME, or both' })
    const body = { ...(from !== undefined && { valid_from: from }), ...(until !== undefined && { valid_until: until }) }
    const answer = await withApi({ ...at, io, place }, attempted, (api) =>
      api.call('setSigningKeyWindow', { params: { key_id }, body }),
    )
    io.out(json ? `${safeJson(answer)}\n` : `The window of ${safe(key_id)} is changed.\n`)
    return exit.ok
  },
})
