// SPDX-License-Identifier: Apache-2.0

import { type DsseVerifier, signDsse } from '@sealwatch/keys'
import { signerKeyOf } from '../audit/signer-key.ts'
import { checkBaseline } from '../baseline/check.ts'
import { type Difference, differences } from '../baseline/compare.ts'
import { openBaseline, type Sums, writeBaseline } from '../baseline/file.ts'
import { openFileCapabilities } from '../baseline/file-capabilities.ts'
import { placesIn, placesOf, statedBy, thisHost } from '../baseline/places.ts'
import { differenceText, factNames, jsonOf, shownPath, statementText } from '../baseline/render.ts'
import type { Facts, Row } from '../baseline/row.ts'
import { baselineType, encodeStatement, type Statement } from '../baseline/statement.ts'
import { walk } from '../baseline/walk.ts'
import { command, exit, integer, text } from '../command.ts'
import { cliError } from '../errors.ts'
import { toldIfInterrupted } from '../interrupted.ts'
import type { Io } from '../io.ts'
import { openSigner, signerAbout, signerOptions } from '../manifest/signer.ts'
import { bar, counted, progressLine, safe, safeJson, shellWord } from '../terminal.ts'

const pathsMax = 16
const listOf = (given: string | undefined) => (given ?? '').split(',').filter((word) => word !== '')
const trusting = {
  'signer-key': text({
    takes: 'FILE',
    help: 'Public key, in PEM, of whoever signed it: `sealwatch manifest key -o FILE`',
  }),
} as const

function trustedKey(path: string | undefined, attempted: string): DsseVerifier {
  const key = signerKeyOf(path)
  if (key !== undefined) return key
  throw cliError('CLI_USAGE', {
    attempted,
    advice:
      'Say whose signature counts: --signer-key FILE, the public key of whoever signed it: openssl pkey -in baseline.key -pubout -out baseline.pem',
  })
}

/** What is looked at, row by row, with a line that says how far it is. */
async function* watched(io: Io, rows: AsyncIterable<Row>, total?: number): AsyncGenerator<Row> {
  const progress = progressLine(io)
  let [count, bytes] = [0, 0]
  try {
    for await (const row of rows) {
      count += 1
      bytes += row.facts.size ?? 0
      if (count % 64 === 1) {
        const drawn = total === undefined ? '' : `${bar(count, total)} `
        progress.show(`${drawn}${counted(count, 'name')}, ${(bytes / 1e9).toFixed(2)} GB: ${shownPath(row.path)}`)
      }
      yield row
    }
  } catch (error) {
    throw toldIfInterrupted(error, io)
  } finally {
    progress.end()
  }
}

export const baselineCreate = command({
  name: 'baseline create',
  summary: 'What files there are, by their hashes, signed: to hold the machine against later',
  about: `Every file below PATH with its digest, owner, mode, size, time and file capabilities, every directory, link and device. Without PATH:
programs, libraries, the kernel, /etc, cron and the keys of root. File systems that are views of the kernel, or that others serve,
are listed and not entered. Keep the file, and the key, where nobody on this machine can reach them: sign by a KMS, an HSM or a
signing proxy, or move the key away. A key: openssl genpkey -algorithm ed25519 -out baseline.key; what
\`baseline diff\` then wants as --signer-key: openssl pkey -in baseline.key -pubout -out baseline.pem
${signerAbout}`,
  operands: [{ name: 'PATH', required: false, most: pathsMax }],
  options: {
    ...signerOptions,
    exclude: text({ takes: 'PATH,…', help: 'Leave these out, with all below' }),
    output: text({ takes: 'FILE', short: 'o', help: 'Where to write it; it must not exist' }),
  },
  examples: [
    'sudo ./sealwatch baseline create --key-file baseline.key -o web-1.baseline',
    'sudo ./sealwatch baseline create /etc /usr/local --exclude /etc/cups --key-file baseline.key -o web-1.baseline',
  ],
  run: async ({ 'key-file': keyFile, exclude, output }, paths, { io, json }) => {
    const attempted = 'making a baseline'
    if (output === undefined) throw cliError('CLI_USAGE', { attempted, advice: 'Say where to write it: -o FILE' })
    const places = placesOf(paths, listOf(exclude), attempted)
    const capabilities = openFileCapabilities()
    let foreign = 0
    const onForeign = () => {
      foreign += 1
    }
    // Before the work, for a key that is not there would be told at its end.
    const signer = await openSigner(io, keyFile)
    try {
      let statement: Statement | undefined
      const seal = async (sums: Sums) => {
        statement = statedBy(io.clock, places, sums, { foreign, capabilities: capabilities !== undefined })
        const { keyId: keyid } = signer
        return signDsse(baselineType, encodeStatement(statement), [{ keyid, sign: signer.sign }], io.stop)
      }
      const rows = walk({ ...places, capabilities, signal: io.stop, onForeign })
      await writeBaseline(output, watched(io, rows), seal)
      if (json) io.out(`${safeJson({ file: output, keyid: signer.keyId, statement })}\n`)
      else {
        io.out(statementText(statement as unknown as Statement, [signer.keyId]))
        io.err(
          `Next: take it away from this machine. To compare: ./sealwatch baseline diff ${shellWord(output)} --signer-key FILE\n`,
        )
      }
      return exit.ok
    } finally {
      await signer.close()
    }
  },
})

export const baselineCheck = command({
  name: 'baseline check',
  summary: "Look at the machine's files, and at what no event told of since the look before",
  about: `Needs root, and takes minutes at a low rate. What it finds is sealed by the agent: of a first look its digest, then what was added, removed
and changed, and which watched files differ otherwise than their events told. That is an alert. \`sealwatch up\` does it by
itself every SEALWATCH_BASELINE_EVERY_HOURS. The baseline stays in the data directory, signed: \`baseline diff\` reads it, too.`,
  operands: [{ name: 'PATH', required: false, most: pathsMax }],
  options: {},
  examples: ['sudo ./sealwatch baseline check'],
  run: async (_options, paths, { io, place, json }) => {
    const attempted = 'looking at the files'
    if (io.uid !== 0) throw cliError('CLI_NEEDS_ROOT', { attempted })
    const check = await checkBaseline(io, place, paths, (rows) => watched(io, rows))
    if (json) io.out(`${safeJson(check)}\n`)
    else {
      const { rows, against, added, removed, changed, untold, names } = check
      io.out(
        against === null
          ? `A baseline of ${counted(rows, 'name')}.\n`
          : `${added} added, ${removed} removed, ${changed} changed of ${counted(rows, 'name')}.\n`,
      )
      io.out(names.map((name) => `  ${safe(name, 4096)}\n`).join(''))
      if ((untold ?? 0) > 0) io.out(`${counted(untold ?? 0, 'watched file')} differ otherwise than any event told.\n`)
    }
    return (check.untold ?? 0) > 0 ? exit.finding : exit.ok
  },
})

export const baselineShow = command({
  name: 'baseline show',
  summary: 'What a baseline is of, and whether it is as it was signed',
  operands: [{ name: 'FILE', required: true }],
  options: trusting,
  examples: ['./sealwatch baseline show web-1.baseline --signer-key baseline.pem'],
  run: async ({ 'signer-key': key }, [path = ''], { io, json }) => {
    const { statement, signers, rows, close } = await openBaseline(path, trustedKey(key, `verifying ${path}`))
    try {
      for await (const _ of watched(io, rows(), statement.rows)) io.stop.throwIfAborted()
    } finally {
      await close()
    }
    if (json) io.out(`${safeJson({ ok: true, signers, statement })}\n`)
    else io.out(`VERIFIED ${safe(path)}\n${statementText(statement, signers)}`)
    return exit.ok
  },
})

export const baselineDiff = command({
  name: 'baseline diff',
  summary: 'Hold the machine against a baseline: what was added, removed, changed',
  about: `Nothing of the baseline is told before all of it is verified. The exit code is 1 where there is a difference. --ignore leaves out
what may change: ${factNames.join(', ')}.`,
  operands: [{ name: 'FILE', required: true }],
  options: {
    ...trusting,
    ignore: text({ takes: 'FACT,…', help: 'Differences of these facts alone are none, as mtime_ns' }),
    limit: integer({
      takes: 'N',
      help: 'Show so many differences, and count the rest',
      min: 0,
      max: 1_000_000,
      absent: 1000,
    }),
  },
  examples: [
    'sudo ./sealwatch baseline diff web-1.baseline --signer-key baseline.pem',
    'sudo ./sealwatch baseline diff web-1.baseline --signer-key baseline.pem --ignore mtime_ns --json',
  ],
  run: async ({ 'signer-key': key, ignore, limit }, [path = ''], { io, json }) => {
    const attempted = `comparing with ${path}`
    const ignored = new Set(listOf(ignore).map((fact) => checkedFact(fact, attempted)))
    const { statement, rows, close } = await openBaseline(path, trustedKey(key, attempted))
    const found: Difference[] = []
    const counts = { added: 0, removed: 0, changed: 0 }
    try {
      if (statement.host.machine_id !== thisHost().machine_id)
        io.err(`This baseline is of another machine, ${safe(statement.host.hostname)}.\n`)
      // What one side could not look for is no difference.
      const capabilities = openFileCapabilities()
      if (!statement.capabilities || capabilities === undefined) ignored.add('capabilities')
      const now = watched(io, walk({ ...placesIn(statement), capabilities, signal: io.stop }), statement.rows)
      for await (const difference of differences(rows(), now, ignored)) {
        counts[difference.what] += 1
        if (found.length < limit) found.push(difference)
      }
    } finally {
      await close()
    }
    const total = counts.added + counts.removed + counts.changed
    if (json) io.out(`${safeJson({ ok: total === 0, ...counts, differences: found.map(jsonOf) })}\n`)
    else {
      for (const difference of found) io.out(differenceText(io, difference))
      if (total > found.length) io.out(`and ${total - found.length} more: --limit ${total}\n`)
      const told = `${counts.added} added, ${counts.removed} removed, ${counts.changed} changed`
      io.out(
        `${total === 0 ? 'No difference' : told}; ${counted(statement.rows, 'name')} as of ${statement.created_at}\n`,
      )
    }
    return total === 0 ? exit.ok : exit.finding
  },
})

function checkedFact(fact: string, attempted: string): keyof Facts {
  if ((factNames as readonly string[]).includes(fact)) return fact as keyof Facts
  throw cliError('CLI_USAGE', { attempted, received: fact, advice: `--ignore takes ${factNames.join(', ')}` })
}
