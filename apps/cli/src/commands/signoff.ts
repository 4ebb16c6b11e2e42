// SPDX-License-Identifier: Apache-2.0

import { isUtf8 } from 'node:buffer'
import { writeFileSync } from 'node:fs'
import type { Json } from '@sealwatch/base'
import { verifyEd25519 } from '@sealwatch/keys'
import { logKeyVerifier, openSignoff, parseVkey, sha256 } from '@sealwatch/ledger'
import { apiOptions, withApi } from '../api.ts'
import { trustOf } from '../audit/trust.ts'
import { command, exit, flag, form, text } from '../command.ts'
import { cliError, fileError } from '../errors.ts'
import { readSmallBytes } from '../small-file.ts'
import { columns, safe, safeJson, toSecond } from '../terminal.ts'

const checklistBytesMax = 1024 * 1024
/** As the server keeps it in the ledger. */
const textBytesMax = 4096
const envelopeBytesMax = 64 * 1024
const suffix = '.signoff'
const usage = (attempted: string, advice: string) => cliError('CLI_USAGE', { attempted, advice })

function read(path: string, bytesMax: number): Buffer {
  try {
    return readSmallBytes(path, bytesMax)
  } catch (cause) {
    throw fileError(path, cause, 'reading')
  }
}

const nameOf = (given: string) => (given.endsWith(suffix) ? given : `${given}${suffix}`)
const idForm = /^[0-9a-f]{64}$/

export const signoff = command({
  name: 'signoff',
  summary: 'Sign off: an acceptance, signed and in the ledger',
  about: `NAME is what is accepted, such as memory.layer; the line in the ledger is an event memory.layer.signoff. It names the checklist in
FILE, the commit or the pull request, and the final approver: with an API token whoever it is of; as root on this machine the
person whom you name. A checklist of at most ${textBytesMax} bytes stands in the ledger itself: name nobody in it, and no secret.`,
  operands: [{ name: 'NAME', required: true }],
  options: {
    ...apiOptions,
    checklist: text({ takes: 'FILE', help: 'What was gone through, as it was when it was accepted' }),
    'digest-only': flag('Keep the digest of the checklist alone, whatever its size'),
    commit: text({ takes: 'SHA', help: 'The whole hash of the commit that is accepted' }),
    'pull-request': text({ takes: 'REF', help: 'The pull request: an https address, or OWNER/REPOSITORY#NUMBER' }),
    approver: form({
      takes: 'PERSON',
      help: 'Id of the final approver, as `member list` or `person list` shows it; for root alone',
      form: /^usr_[A-Za-z0-9_-]{1,64}$/,
      mustBe: "a person's id, usr_…, as `sealwatch person list` shows it; who is not there: docs/sign-off.md",
    }),
  },
  examples: [
    'sudo ./sealwatch signoff memory.layer --checklist acceptance.md --commit 9fceb02d0ae598e95dc970b74767f19372d61af8 --approver usr_ann',
    './sealwatch signoff memory.layer --checklist acceptance.md --pull-request acme/memory#12 --server https://sealwatch.example',
  ],
  run: async (given, [name = ''], { io, place, json }) => {
    const { checklist: path, 'digest-only': isDigestOnly, commit, 'pull-request': pullRequest, approver, ...at } = given
    const attempted = `signing off ${name}`
    if (path === undefined) throw usage(attempted, 'Name what was gone through: --checklist FILE')
    if (commit === undefined && pullRequest === undefined)
      throw usage(attempted, 'Say what is accepted: --commit SHA, or --pull-request REF')
    const bytes = read(path, checklistBytesMax)
    // A text that is no UTF-8 would come back as other bytes than were signed.
    const isText = bytes.length <= textBytesMax && !isDigestOnly && isUtf8(bytes)
    const body = {
      name: nameOf(name),
      checklist: isText ? { text: bytes.toString() } : { digest: sha256(bytes).toHex() },
      ...(commit !== undefined && { commit }),
      ...(pullRequest !== undefined && { pull_request: pullRequest }),
      ...(approver !== undefined && { approver }),
    }
    const answer = await withApi({ ...at, io, place }, attempted, (api) => api.call('addSignoff', { body }))
    if (json) io.out(`${safeJson(answer)}\n`)
    else
      io.out(
        `${safe(answer.signoff.name)} is signed off by ${safe(answer.signoff.approver)}.\nid  ${answer.signoff.id}\n`,
      )
    return exit.ok
  },
})

export const signoffList = command({
  name: 'signoff list',
  summary: 'What was signed off, newest first',
  options: { ...apiOptions, name: text({ takes: 'NAME', help: 'Of this name alone, such as memory.layer' }) },
  examples: ['sudo ./sealwatch signoff list', 'sudo ./sealwatch signoff list --name memory.layer --json'],
  run: async ({ name, ...at }, _operands, { io, place, json }) => {
    const query = name === undefined ? {} : { name: nameOf(name) }
    const { items } = await withApi({ ...at, io, place }, 'listing sign-offs', (api) =>
      api.call('listSignoffs', { query }),
    )
    if (json) io.out(`${safeJson({ items })}\n`)
    else if (items.length === 0) io.out('Nothing was signed off.\n')
    else
      io.out(
        columns([
          ['NAME', 'AT', 'APPROVER', 'OF', 'ID'],
          ...items.map((one) => [
            safe(one.name),
            toSecond(one.signed_at),
            safe(one.approver),
            safe((one.commit ?? one.pull_request ?? '').slice(0, 60)),
            one.id,
          ]),
        ]),
      )
    return exit.ok
  },
})

export const signoffShow = command({
  name: 'signoff show',
  summary: 'A sign-off, with its checklist',
  about: 'With -o the envelope that signs it is written into a file, as `signoff verify` takes it.',
  operands: [{ name: 'ID', required: true }],
  options: {
    ...apiOptions,
    output: text({ takes: 'FILE', short: 'o', help: 'Where to write the envelope; it must not exist' }),
  },
  examples: [`sudo ./sealwatch signoff show ${'9f'.repeat(32)} -o signoff.json`],
  run: async ({ output, ...at }, [id = ''], { io, place, json }) => {
    const attempted = 'reading a sign-off'
    if (!idForm.test(id)) throw usage(attempted, 'Give its id, 64 hex digits: ./sealwatch signoff list')
    const one = await withApi({ ...at, io, place }, attempted, (api) =>
      api.call('getSignoff', { params: { signoff: id } }),
    )
    if (output !== undefined)
      try {
        writeFileSync(output, `${JSON.stringify(one.envelope)}\n`, { flag: 'wx' })
      } catch (cause) {
        throw fileError(output, cause)
      }
    const { checklist, envelope, ...facts } = one
    if (json) io.out(`${safeJson(one)}\n`)
    else {
      const rows = Object.entries(facts).map(([member, value]) => [
        member.replaceAll('_', ' '),
        safe(value ?? '-', 400),
      ])
      io.out(columns([...rows, ['signed by key', envelope.signatures.map(({ keyid }) => safe(keyid)).join(', ')]]))
      const lines = (checklist ?? 'Its digest alone is kept.').split('\n').map((line) => safe(line, textBytesMax))
      io.out(`\n${lines.join('\n')}\n`)
    }
    return exit.ok
  },
})

export const signoffVerify = command({
  name: 'signoff verify',
  summary: 'Verify a sign-off in a file, without a server',
  about: `FILE is what \`signoff show -o\` wrote. Trust comes from --trust, else from trust.json in the data directory. With --checklist the
checklist must be the one that was signed, byte for byte. The exit code is 1 where it does not verify.`,
  operands: [{ name: 'FILE', required: true }],
  options: {
    checklist: text({ takes: 'FILE', help: 'The checklist that it should name' }),
    trust: text({ takes: 'KEY,…|FILE', help: 'Verifier keys (name+hash+base64), a file of them, or a trust.json' }),
  },
  examples: ['./sealwatch signoff verify signoff.json --checklist acceptance.md --trust trust.json'],
  run: async ({ checklist: path, trust }, [file = ''], { io, place, json }) => {
    const { vkeys, source } = await trustOf(trust, place)
    if (vkeys.length === 0) throw usage(`verifying ${file}`, 'Say whom you trust: --trust trust.json')
    const keys = vkeys.map((vkey) => parseVkey(sha256, vkey))
    const { statement, id, signers } = openSignoff(
      sha256,
      {
        envelope: jsonIn(file),
        checklist: path === undefined ? undefined : read(path, checklistBytesMax),
      },
      keys.map((key) => logKeyVerifier(sha256, verifyEd25519, key)),
      keys.map(({ name }) => name),
      `verifying ${file}`,
    )
    const against = path === undefined ? 'not compared: give --checklist' : 'is the one that was signed'
    if (json) io.out(`${safeJson({ ok: true, id, statement, signers, trustSource: source })}\n`)
    else
      io.out(
        `VERIFIED ${safe(file)}\n${columns([
          ...Object.entries(statement).map(([member, value]) => [
            member.replaceAll('_', ' '),
            safe(String(value), 400),
          ]),
          ['the checklist', against],
          ['trust', `pinned by ${safe(source)}`],
        ])}`,
      )
    return exit.ok
  },
})

function jsonIn(path: string): Json {
  const held = read(path, envelopeBytesMax)
  try {
    return JSON.parse(held.toString()) as Json
  } catch (cause) {
    throw cliError('CLI_USAGE', {
      attempted: `reading ${path}`,
      received: 'no JSON',
      cause,
      advice: 'Write it anew: ./sealwatch signoff show ID -o FILE',
    })
  }
}
