// SPDX-License-Identifier: Apache-2.0

import { randomBytes } from 'node:crypto'
import { rfc3339 } from '@sealwatch/base'
import { nearest } from '@sealwatch/contract/nearest'
import {
  countSigners,
  manifestCrypto as crypto,
  type DsseEnvelope,
  digestHexOf,
  encodeManifest,
  joinEnvelopes,
  judgeManifest,
  type Manifest,
  manifestActions,
  manifestLimits,
  manifestType,
  openManifest,
  openRootChain,
  parseManifest,
  readManifest,
  readRoot,
} from '@sealwatch/keys'
import { apiOptions, withApi } from '../api.ts'
import { type Context, command, exit, flag, form, integer, text } from '../command.ts'
import { cliError } from '../errors.ts'
import { changeOf, changeOptions, digestOfFile } from '../manifest/change.ts'
import { isRoot, readEnvelope, writeEnvelope } from '../manifest/envelope-file.ts'
import { countText, manifestText, rootText } from '../manifest/render.ts'
import { nextOf, sentText } from '../manifest/sent.ts'
import { columns, counted, paint, safe, safeJson, shellWord, toSecond } from '../terminal.ts'

const tenantOfAll = 'cluster'
const { server } = apiOptions
const idForm = /^[0-9a-f]{64}$/
const hourNs = 3_600_000_000_000n
const usage = (attempted: string, advice: string) => cliError('CLI_USAGE', { attempted, advice })

export const manifestCreate = command({
  name: 'manifest create',
  summary: 'Write a manifest for a critical change into a file, to be signed',
  about: `ACTION is one of ${manifestActions.join(', ')}. A manifest is for one deployment: that of this machine, or the one that you
name, and then no server is asked. What it says: docs/formats/manifest.md; the whole way: docs/manifests.md.`,
  operands: [{ name: 'ACTION', required: true }],
  options: {
    ...changeOptions,
    subject: text({ takes: 'TEXT', help: 'What is changed, for those who sign (default: made from the change)' }),
    deployment: text({ takes: 'NAME', help: 'Which deployment it is for, as `status` shows it (default: this one)' }),
    days: integer({
      takes: 'N',
      help: 'It must be applied within so many days (default: 7)',
      min: 1,
      max: manifestLimits.lifeDaysMax,
      absent: 7,
    }),
    server,
    output: text({ takes: 'FILE', short: 'o', help: 'Where to write it; it must not exist' }),
  },
  examples: [
    'sudo ./sealwatch manifest create strict-off --tenant acme --hours 72 -o strict-off.json',
    './sealwatch manifest create upgrade --file sealwatch-0.2.0.tgz --deployment sealwatch-00c0ffee -o upgrade.json',
  ],
  run: async (given, [named = ''], { io, place, json }) => {
    const attempted = 'writing a manifest'
    const { output, days } = given
    const action = manifestActions.find((one) => one === named)
    if (action === undefined) {
      const meant = nearest(named, manifestActions)
      const advice = `${meant === undefined ? '' : `Did you mean ${meant}? `}Name one of ${manifestActions.join(', ')}`
      throw cliError('CLI_USAGE', { attempted, received: named, advice })
    }
    if (output === undefined) throw usage(attempted, 'Name the file: -o FILE')
    const { digest, subject } = await changeOf(action, given, attempted)
    const at = { io, place, server: given.server, tenant: tenantOfAll }
    const here =
      given.deployment === undefined
        ? await withApi(at, attempted, (api) => api.call('listTrustRoots'))
        : { deployment: given.deployment }
    const nowNs = io.clock.nowNs()
    const manifest: Manifest = {
      type: 'manifest',
      action,
      subject: given.subject ?? subject,
      digest,
      created: rfc3339(nowNs),
      expires: rfc3339(nowNs + BigInt(days) * 24n * hourNs),
      nonce: randomBytes(16).toString('hex'),
      deployment: here.deployment,
    }
    const payload = encodeManifest(manifest)
    parseManifest(payload, attempted)
    const envelope = { payload: payload.toBase64(), payloadType: manifestType, signatures: [] }
    writeEnvelope(output, envelope, 'new')
    if (json) io.out(`${safeJson({ file: output, id: digestHexOf(envelope, crypto), manifest })}\n`)
    else {
      io.out(manifestText(manifest))
      if ('items' in here && here.items.length === 0)
        io.err(
          `${paint(io, 'yellow', 'WARN')} no trust root is installed here, so no manifest counts yet. First, once: ./sealwatch manifest root init --help\n`,
        )
      io.err(`Next: each signer signs it: ./sealwatch manifest sign ${shellWord(output)}\n`)
    }
    return exit.ok
  },
})

const moreFiles = Array.from({ length: 15 }, () => ({ name: 'FILE', required: false }))

export const manifestCollect = command({
  name: 'manifest collect',
  summary: 'Put the signatures of several copies together, and hand them to the server',
  about: `Works on files alone, for manifests and trust roots. With --root what does not count is left out. With --send a manifest and
its signatures go to the server, which checks each and records it in its ledger; a trust root is applied with root apply.`,
  operands: [{ name: 'FILE', required: true }, ...moreFiles],
  options: {
    server,
    root: text({ takes: 'FILE', help: 'The trust root that counts: what is no signature of its keys is left out' }),
    send: flag('Hand the signatures to the server'),
    output: text({ takes: 'FILE', short: 'o', help: 'Where to write what was put together; it must not exist' }),
  },
  examples: [
    './sealwatch manifest collect strict-off.ada.json strict-off.bo.json -o strict-off.json',
    'sudo ./sealwatch manifest collect strict-off.ada.json strict-off.bo.json --send',
  ],
  run: async ({ server, root, send, output }, paths, context) => {
    const { io, place, json } = context
    const attempted = 'collecting signatures'
    if (!send && output === undefined) throw usage(attempted, 'Say where to: -o FILE, or --send')
    const [first, ...others] = paths.map(readEnvelope) as [DsseEnvelope, ...DsseEnvelope[]]
    const joined = joinEnvelopes([first, ...others])
    if (joined === undefined)
      throw cliError('CLI_MANIFEST_FILE', { attempted, received: 'copies of different manifests or roots' })
    const envelope = root === undefined ? joined : onlyCounting(joined, root, context)
    if (output !== undefined) writeEnvelope(output, envelope, 'new')
    if (!send) {
      const { signatures } = envelope
      if (json) io.out(`${safeJson({ file: output, signatures: signatures.length })}\n`)
      else {
        const word = shellWord(output ?? '')
        io.out(`${counted(signatures.length, 'signature')} in ${safe(output ?? '')}\n`)
        io.err(`Next: ./sealwatch manifest ${isRoot(envelope) ? `root apply ${word}` : `collect ${word} --send`}\n`)
      }
      return exit.ok
    }
    if (isRoot(envelope)) throw usage(attempted, 'Apply a trust root with: ./sealwatch manifest root apply FILE')
    const sent = await withApi({ io, place, server, tenant: tenantOfAll }, attempted, (api) =>
      api.call('addManifestSignatures', { body: { envelope } }),
    )
    io.out(json ? `${safeJson(sent)}\n` : sentText(sent))
    if (!json) io.err(nextOf(sent.manifest))
    return exit.ok
  },
})

/** Of a manifest by the role that signs those; of a root by its own. */
function onlyCounting(envelope: DsseEnvelope, path: string, { io }: Context): DsseEnvelope {
  const root = readRoot(readEnvelope(path), crypto, `reading ${path}`)
  const count = countSigners(envelope, root, isRoot(envelope) ? 'root' : 'critical', crypto)
  io.err(countText(count))
  return { ...envelope, signatures: count.signers.map(({ keyid, sig }) => ({ keyid, sig })) }
}

export const manifestVerify = command({
  name: 'manifest verify',
  summary: 'Judge a manifest in a file, without a server',
  about: `The roots are given in their order, the first one first; --pin is the digest of that one, as those who signed it know it. Exit
code 1: the manifest does not count. Only the server knows whether it was applied already (\`manifest show\`).`,
  operands: [{ name: 'FILE', required: true }],
  options: {
    roots: text({ takes: 'FILE,…', help: 'The trust root, with every version before it' }),
    pin: form({
      takes: 'HEX',
      help: 'Digest of the first root',
      form: /^[0-9a-f]{64}$/,
      mustBe: '64 hexadecimal digits',
    }),
    deployment: text({ takes: 'NAME', help: 'The deployment it must be for' }),
  },
  examples: [
    './sealwatch manifest verify upgrade.json --roots root-1.json,root-2.json --pin 5f2b1c0de4a7788d3c9be6f0a1425364758697a8b9cadbecfd0e1f2031425364 --deployment sealwatch-00c0ffee',
  ],
  run: async ({ roots, pin, deployment }, [path = ''], { io, json }) => {
    const attempted = `verifying ${path}`
    if (roots === undefined || pin === undefined || deployment === undefined)
      throw usage(
        attempted,
        'Give all three: --roots, --pin and --deployment; `sealwatch manifest verify --help` shows how',
      )
    const envelope = readEnvelope(path)
    const root = openRootChain(pin, roots.split(',').map(readEnvelope), crypto, attempted)
    const judging = { root, deployment, nowNs: io.clock.nowNs() }
    if (!json) {
      const { manifest, count } = judgeManifest(envelope, judging, crypto, attempted)
      io.out(`${manifestText(manifest)}${countText(count)}`)
    }
    const { manifest, proof } = openManifest(envelope, judging, crypto, attempted)
    io.out(json ? `${safeJson({ manifest, proof, root_version: root.root.version })}\n` : 'It counts.\n')
    return exit.ok
  },
})

export const manifestShow = command({
  name: 'manifest show',
  summary: 'A manifest in a file, or one that the server has by its id; without either, all of the server',
  about:
    'With -o the manifest of the server is written into a file with all signatures that count: the combined proof.',
  operands: [{ name: 'FILE-OR-ID', required: false }],
  options: {
    server,
    output: text({ takes: 'FILE', short: 'o', help: 'Where to write it; it must not exist' }),
  },
  examples: ['./sealwatch manifest show upgrade.json', 'sudo ./sealwatch manifest show'],
  run: async ({ server, output }, [named], { io, place, json }) => {
    const attempted = 'reading manifests'
    const at = { io, place, server, tenant: tenantOfAll }
    if (named === undefined) {
      const { items } = await withApi(at, attempted, (api) => api.call('listManifests'))
      const rows = items.map((row) => {
        const { signatures = [], threshold = 0 } = row.proof ?? {}
        return [
          row.id,
          row.state,
          row.action,
          `${signatures.length}/${threshold}`,
          toSecond(row.expires),
          safe(row.subject),
        ]
      })
      if (json) io.out(`${safeJson({ items })}\n`)
      else if (rows.length === 0) io.err('There is none. Make one: ./sealwatch manifest create --help\n')
      else io.out(columns([['MANIFEST', 'STATE', 'ACTION', 'SIGNED', 'EXPIRES', 'SUBJECT'], ...rows]))
      return exit.ok
    }
    if (idForm.test(named)) {
      const found = await withApi(at, attempted, (api) => api.call('getManifest', { params: { id: named } }))
      if (output !== undefined) writeEnvelope(output, found.envelope, 'new')
      if (json) io.out(`${safeJson(found)}\n`)
      else {
        io.out(`${manifestText(readManifest(found.envelope, attempted))}state       ${found.state}\n`)
        for (const { owner, keyid } of found.proof?.signatures ?? []) io.out(`signed by   ${safe(owner)}  ${keyid}\n`)
      }
      return exit.ok
    }
    return showFile(readEnvelope(named), { io, json })
  },
})

export const manifestApply = command({
  name: 'manifest apply',
  summary: 'Use up the manifest of an upgrade or a rollback, once, right before you make it',
  about: `The server judges the manifest and the release file that you have, and records that the change is made now, by whose signatures.
Only when the exit code is 0 go on. Other changes take their manifest themselves: ask for them with their own commands.`,
  operands: [{ name: 'FILE-OR-ID', required: true }],
  options: { server, file: text({ takes: 'FILE', help: 'The release file, as it is about to be installed' }) },
  examples: ['sudo ./sealwatch manifest apply upgrade.json --file sealwatch-0.2.0.tgz'],
  run: async ({ server, file }, [named = ''], { io, place, json }) => {
    const attempted = 'applying a manifest'
    if (file === undefined) throw usage(attempted, 'Name the release: --file FILE')
    const id = idForm.test(named) ? named : digestHexOf(readEnvelope(named), crypto)
    const body = { digest: await digestOfFile(file) }
    const answer = await withApi({ io, place, server, tenant: tenantOfAll }, attempted, (api) =>
      api.call('applyManifest', { params: { id }, body }),
    )
    const { action, subject } = answer.manifest
    if (json) io.out(`${safeJson(answer)}\n`)
    else io.out(`Recorded, and the manifest is used up: go on with the ${action} of ${safe(subject)}.\n`)
    return exit.ok
  },
})

function showFile(envelope: DsseEnvelope, { io, json }: Pick<Context, 'io' | 'json'>): number {
  const attempted = 'reading the file'
  const signatures = envelope.signatures.map(({ keyid }) => keyid)
  const id = digestHexOf(envelope, crypto)
  const root = isRoot(envelope) ? readRoot(envelope, crypto, attempted) : undefined
  const manifest = root === undefined ? readManifest(envelope, attempted) : undefined
  if (json) io.out(`${safeJson({ id, root, manifest, signatures })}\n`)
  else {
    io.out(root === undefined ? manifestText(manifest as Manifest) : rootText(root))
    for (const keyid of signatures) io.out(`signed by   ${safe(keyid)} (not checked: ./sealwatch manifest verify)\n`)
  }
  return exit.ok
}
