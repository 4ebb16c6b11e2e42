// SPDX-License-Identifier: Apache-2.0

import { rfc3339 } from '@sealwatch/base'
import {
  manifestCrypto as crypto,
  defaultThreshold,
  digestHexOf,
  encodeTrustRoot,
  parseTrustRoot,
  readRoot,
  type TrustRoot,
  trustRootType,
} from '@sealwatch/keys'
import { apiOptions, withApi } from '../api.ts'
import { command, exit, form, integer, text } from '../command.ts'
import { cliError } from '../errors.ts'
import { isRoot, readEnvelope, writeEnvelope } from '../manifest/envelope-file.ts'
import { readMembers } from '../manifest/members.ts'
import { rootText } from '../manifest/render.ts'
import { columns, safe, safeJson, shellWord, toSecond } from '../terminal.ts'

const dayNs = 86_400_000_000_000n
/** All of this is of the deployment. */
const tenant = 'cluster'
const { server } = apiOptions

export const manifestRootInit = command({
  name: 'manifest root init',
  summary: 'Write a trust root into a file: whose signatures critical changes need, and how many',
  about: `Each of those people gives you their public key (\`manifest key\`) and signs the file afterwards; the server is not
asked. With --after it is the next version of a root that is there, with the same keys and threshold unless you say others.
What a trust root is: docs/formats/trust-root.md; the whole way: docs/manifests.md.`,
  options: {
    keys: text({
      takes: 'OWNER=FILE,…',
      help: 'Who keeps which public key, in PEM: Ed25519, or RSA of 2,048 bits or more',
    }),
    threshold: integer({
      takes: 'N',
      help: `So many of them must sign (default: ${defaultThreshold}, or as before)`,
      min: 2,
      max: 16,
      absent: 0,
    }),
    days: integer({
      takes: 'DAYS',
      help: 'It expires after so many days (default: 365)',
      min: 1,
      max: 3650,
      absent: 365,
    }),
    after: text({ takes: 'FILE', help: 'The version before' }),
    output: text({ takes: 'FILE', short: 'o', help: 'Where to write it; it must not exist' }),
  },
  examples: [
    "./sealwatch manifest root init --keys 'Ada=ada.pem,Bo=bo.pem,Cem=cem.pem,Dia=dia.pem,Eve=eve.pem' -o root-1.json",
    './sealwatch manifest root init --after root-1.json --days 365 -o root-2.json',
  ],
  run: async ({ keys: given, threshold, days, after, output }, _operands, { io, json }) => {
    const attempted = 'writing a trust root'
    if (output === undefined) throw cliError('CLI_USAGE', { attempted, advice: 'Name the file: -o FILE' })
    const before = after === undefined ? undefined : readRoot(readEnvelope(after), crypto, `reading ${after}`)
    const keys = given === undefined ? before?.keys : readMembers(given, attempted)
    if (keys === undefined)
      throw cliError('CLI_USAGE', { attempted, advice: "Say whose keys count: --keys 'Ada=ada.pem,Bo=bo.pem,…'" })
    const root: TrustRoot = {
      type: 'root',
      version: (before?.version ?? 0) + 1,
      expires: rfc3339(io.clock.nowNs() + BigInt(days) * dayNs),
      keys,
      roles: rolesOf(keys, threshold, given === undefined ? before : undefined, before),
    }
    const payload = encodeTrustRoot(root)
    parseTrustRoot(payload, crypto, attempted)
    const envelope = { payload: payload.toBase64(), payloadType: trustRootType, signatures: [] }
    writeEnvelope(output, envelope, 'new')
    const digest = digestHexOf(envelope, crypto)
    if (json) io.out(`${safeJson({ file: output, version: root.version, digest, root })}\n`)
    else io.out(`${rootText(root)}digest      ${digest}\n`)
    if (!json) io.err(`Next: each of them signs it: ./sealwatch manifest root sign ${shellWord(output)}\n`)
    return exit.ok
  },
})

function rolesOf(keys: TrustRoot['keys'], asked: number, same: TrustRoot | undefined, before: TrustRoot | undefined) {
  const roleOf = (name: 'critical' | 'root') => ({
    keyids: same?.roles[name].keyids ?? Object.keys(keys),
    threshold: asked || (before?.roles[name].threshold ?? defaultThreshold),
  })
  return { critical: roleOf('critical'), root: roleOf('root') }
}

export const manifestRootShow = command({
  name: 'manifest root show',
  summary: 'The trust root in a file; without FILE, the one that counts on the server',
  about:
    'With -o the envelope of the newest version is written into a file, as `root init --after` and `verify` take it.',
  operands: [{ name: 'FILE', required: false }],
  options: {
    server,
    output: text({ takes: 'FILE', short: 'o', help: 'Where to write the newest version; it must not exist' }),
  },
  examples: ['sudo ./sealwatch manifest root show', './sealwatch manifest root show root-1.json'],
  run: async ({ server, output }, [path], { io, place, json }) => {
    const attempted = 'reading the trust root'
    if (path !== undefined) {
      const envelope = readEnvelope(path)
      const root = readRoot(envelope, crypto, attempted)
      const digest = digestHexOf(envelope, crypto)
      if (json) io.out(`${safeJson({ digest, root, signatures: envelope.signatures })}\n`)
      else io.out(`${rootText(root)}digest      ${digest}\nsigned by   ${envelope.signatures.length} keys\n`)
      return exit.ok
    }
    const { deployment, items } = await withApi({ io, place, server, tenant }, attempted, (api) =>
      api.call('listTrustRoots'),
    )
    const newest = items.at(-1)
    if (newest !== undefined && output !== undefined) writeEnvelope(output, newest.envelope, 'new')
    if (json) io.out(`${safeJson({ deployment, items })}\n`)
    else if (newest === undefined)
      io.err(
        'There is none, so every change that needs one is refused. Begin with: ./sealwatch manifest root init --help\n',
      )
    else {
      io.out(`${rootText(readRoot(newest.envelope, crypto, attempted))}deployment  ${safe(deployment)}\n\n`)
      const rows = items.map((row) => [String(row.version), toSecond(row.applied_at), safe(row.applied_by), row.digest])
      io.out(columns([['VERSION', 'SINCE', 'BY', 'DIGEST'], ...rows]))
    }
    return newest === undefined && output !== undefined ? exit.finding : exit.ok
  },
})

export const manifestRootApply = command({
  name: 'manifest root apply',
  summary: 'Install the first trust root, as root on the server, or the next version of it',
  about: `The first one is trusted because root on the machine of the server says so: compare its digest with what those who signed it
have, or give it with --digest. From then on a version counts when enough keys of the one before and of itself have signed it.`,
  operands: [{ name: 'FILE', required: true }],
  options: {
    server,
    digest: form({
      takes: 'HEX',
      help: 'Only if the root has this digest',
      form: /^[0-9a-f]{64}$/,
      mustBe: '64 hexadecimal digits, as `manifest root show FILE` shows them',
    }),
  },
  examples: [
    'sudo ./sealwatch manifest root apply root-1.json',
    'sudo ./sealwatch manifest root apply root-2.json --json',
  ],
  run: async ({ server, digest }, [path = ''], { io, place, json }) => {
    const attempted = `applying ${path}`
    const envelope = readEnvelope(path)
    if (!isRoot(envelope))
      throw cliError('CLI_MANIFEST_FILE', {
        attempted,
        received: 'a manifest',
        advice: 'Hand it in with: ./sealwatch manifest collect FILE --send',
      })
    const { version } = readRoot(envelope, crypto, attempted)
    const found = digestHexOf(envelope, crypto)
    if (digest !== undefined && digest !== found)
      throw cliError('CLI_MANIFEST_FILE', {
        attempted,
        received: `the digest ${found}`,
        advice: 'Ask those who signed it which one is right',
      })
    const answer = await withApi({ io, place, server, tenant }, attempted, (api) =>
      api.call(version === 1 ? 'installTrustRoot' : 'followTrustRoot', { body: { envelope } }),
    )
    if (json) io.out(`${safeJson(answer)}\n`)
    else io.out(`Version ${answer.version} of the trust root counts, until ${toSecond(answer.expires)}.\n`)
    if (!json && version === 1)
      io.err(`It is trusted on first use. Compare its digest with those who signed it:\n  ${found}\n`)
    return exit.ok
  },
})
