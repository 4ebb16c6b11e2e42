// SPDX-License-Identifier: Apache-2.0

import { randomBytes } from 'node:crypto'
import { rfc3339 } from '@sealwatch/base'
import { encodeManifest, type Manifest, manifestType } from '@sealwatch/keys'
import { apiOptions, withApi } from '../api.ts'
import { command, exit, integer, text } from '../command.ts'
import { cliError } from '../errors.ts'
import { promotionSubject } from '../manifest/change.ts'
import { writeEnvelope } from '../manifest/envelope-file.ts'
import { signerAbout, signerOptions } from '../manifest/signer.ts'
import { beginRotation, keysOf } from '../rotation/begin.ts'
import { isOver, nextOf, type RotatingKey, rotationTable, stepOf } from '../rotation/next.ts'
import { safe, safeJson, shellWord, toSecond } from '../terminal.ts'

const operands = [{ name: 'SERVICE', required: true }] as const
const idOption = text({ takes: 'ID', help: 'Of the new key, as the service names it in what it signs' })
const secondNs = 1_000_000_000n
const usage = (attempted: string, advice: string) => cliError('CLI_USAGE', { attempted, advice })

function idOf(id: string | undefined, attempted: string): string {
  if (id === undefined) throw usage(attempted, 'Name the new key: --id billing-2026-12')
  return id
}

function found(keys: readonly RotatingKey[], id: string, attempted: string): RotatingKey {
  const key = keys.find(({ key_id }) => key_id === id)
  if (key !== undefined) return key
  throw cliError('CLI_USAGE', {
    attempted,
    received: id,
    advice: 'See which keys there are: ./sealwatch rotate status',
  })
}

export const rotateStart = command({
  name: 'rotate start',
  summary: 'Give a service another key: register it, test it, and let it wait to be promoted',
  about: `Run it where the new private key is: it stays there. The server gets the public half, and a signature over a probe that names this
one key; nothing that the key signs counts before it is promoted. Do it again after whatever went wrong: it goes on from there.
${signerAbout}`,
  operands,
  options: { ...apiOptions, ...signerOptions, id: idOption },
  examples: ['sudo ./sealwatch rotate start billing --id billing-2026-12 --key-file billing-2026-12.pem'],
  run: async ({ id, 'key-file': keyFile, ...at }, [producer = ''], { io, place, json }) => {
    const attempted = `rotating the key of ${producer}`
    const keyId = idOf(id, attempted)
    const key = await withApi({ ...at, io, place }, attempted, (api) =>
      beginRotation(api, { producer, keyId, keyFile }, io, (told) => io.err(`${safe(told)}\n`)),
    )
    if (json) io.out(`${safeJson(key)}\n`)
    else io.out(rotationTable([key], rfc3339(io.clock.nowNs())))
    if (key.state === 'staged') io.err(`Next: ${nextOf('promote', key, at.tenant)}\n`)
    return exit.ok
  },
})

export const rotatePromote = command({
  name: 'rotate promote',
  summary: 'Let a staged key count, as enough people have agreed',
  about: `Takes the manifest whose signatures the server has (docs/manifests.md). With -o it writes that manifest first, to be signed by each;
\`manifest collect FILE --send\` hands the signatures in, and then this command is given without -o.`,
  operands,
  options: {
    ...apiOptions,
    id: idOption,
    days: integer({ takes: 'N', help: 'The manifest lasts so many days (default: 7)', min: 1, max: 30, absent: 7 }),
    output: text({ takes: 'FILE', short: 'o', help: 'Write the manifest to be signed, and promote nothing yet' }),
  },
  examples: [
    'sudo ./sealwatch rotate promote billing --id billing-2026-12 -o promotion.json',
    'sudo ./sealwatch rotate promote billing --id billing-2026-12',
  ],
  run: async ({ id, days, output, ...at }, [producer = ''], { io, place, json }) => {
    const attempted = `promoting a key of ${producer}`
    const keyId = idOf(id, attempted)
    const { key, deployment } = await withApi({ ...at, io, place }, attempted, async (api) => {
      const rotation = await api.call('getRotation', { params: { producer } })
      const before = found(rotation.items, keyId, attempted)
      if (output !== undefined || before.state === 'active') return { key: before, ...rotation }
      await api.call('promoteSigningKey', { params: { key_id: keyId } })
      return { key: found(await keysOf(api, producer), keyId, attempted), ...rotation }
    })
    if (output !== undefined) {
      const envelope = promotionOf(key, { deployment, tenant: at.tenant, days, nowNs: io.clock.nowNs() })
      writeEnvelope(output, envelope, 'new')
      const word = shellWord(output)
      if (json) io.out(`${safeJson({ file: output, digest: key.promotion_digest })}\n`)
      else io.out(`The manifest that promotes ${safe(keyId)} is in ${word}.\n`)
      io.err(
        `Next: each signs it, ./sealwatch manifest sign ${word}; then ./sealwatch manifest collect ${word} --send\n`,
      )
      return exit.ok
    }
    if (json) io.out(`${safeJson(key)}\n`)
    else io.out(rotationTable([key], rfc3339(io.clock.nowNs())))
    io.err(`Next: let the service sign with ${safe(keyId)}; then ${nextOf('finish', key, at.tenant)}\n`)
    return exit.ok
  },
})

type Promotion = {
  readonly deployment: string
  readonly tenant: string | undefined
  readonly days: number
  readonly nowNs: bigint
}

function promotionOf(
  { key_id, producer, promotion_digest }: RotatingKey,
  { deployment, tenant, days, nowNs }: Promotion,
) {
  const manifest: Manifest = {
    type: 'manifest',
    action: 'key-promotion',
    subject: promotionSubject({ tenant: tenant ?? 'default', producer, key_id }),
    digest: promotion_digest,
    created: rfc3339(nowNs),
    expires: rfc3339(nowNs + BigInt(days) * 86_400n * secondNs),
    nonce: randomBytes(16).toString('hex'),
    deployment,
  }
  return { payload: encodeManifest(manifest).toBase64(), payloadType: manifestType, signatures: [] }
}

export const rotateFinish = command({
  name: 'rotate finish',
  summary: 'End the keys before, after a time in which both count',
  about: `Only when the service signs with the new key: what it signs with an old one after its end is quarantined, not lost. What was
signed before and comes within that time still counts. Keys of the trust-store file end in the file.`,
  operands,
  options: {
    ...apiOptions,
    id: idOption,
    overlap: integer({
      takes: 'SECONDS',
      help: 'How long both count (default: 86400)',
      min: 0,
      max: 31_536_000,
      absent: 86_400,
    }),
  },
  examples: ['sudo ./sealwatch rotate finish billing --id billing-2026-12 --overlap 3600'],
  run: async ({ id, overlap, ...at }, [producer = ''], { io, place, json }) => {
    const attempted = `ending the keys before of ${producer}`
    const keyId = idOf(id, attempted)
    const nowNs = io.clock.nowNs()
    // Never at once: the server's clock is not ours.
    const until = rfc3339(nowNs + BigInt(Math.max(1, overlap)) * secondNs)
    const items = await withApi({ ...at, io, place }, attempted, async (api) => {
      const keys = await keysOf(api, producer)
      const next = found(keys, keyId, attempted)
      if (next.state !== 'active' || isOver(next, rfc3339(nowNs)))
        throw cliError('CLI_USAGE', { attempted, received: `${keyId}, ${next.state}`, advice: 'Promote it first' })
      for (const { key_id, valid_until, ...key } of keys) {
        const isDue = key.state === 'active' && key.source === 'api' && key.revoked_at === null
        // Done already, by an earlier call of this command: its end stays.
        if (!isDue || key_id === keyId || valid_until !== null) continue
        await api.call('setSigningKeyWindow', { params: { key_id }, body: { valid_until: until } })
        io.err(`${safe(key_id)} counts until ${toSecond(until)}.\n`)
      }
      return keysOf(api, producer)
    })
    io.out(json ? `${safeJson({ items })}\n` : rotationTable(items, rfc3339(nowNs)))
    return exit.ok
  },
})

export const rotateStatus = command({
  name: 'rotate status',
  summary: 'Where each key of a service is on its way, and what comes next',
  operands,
  options: apiOptions,
  examples: ['sudo ./sealwatch rotate status billing'],
  run: async (at, [producer = ''], { io, place, json }) => {
    const attempted = `reading the keys of ${producer}`
    const keys = await withApi({ ...at, io, place }, attempted, (api) => keysOf(api, producer))
    const now = rfc3339(io.clock.nowNs())
    const items = keys.map((key) => {
      const step = stepOf(key, keys, now)
      return { ...key, next: step, next_command: nextOf(step, key, at.tenant) ?? null }
    })
    io.out(json ? `${safeJson({ items })}\n` : rotationTable(keys, now))
    if (!json)
      for (const { next_command } of items) if (next_command !== null) io.err(`Next: ${safe(next_command, 400)}\n`)
    return exit.ok
  },
})
