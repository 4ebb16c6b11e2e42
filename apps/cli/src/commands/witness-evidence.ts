// SPDX-License-Identifier: Apache-2.0

import { systemDisk } from '@sealwatch/base'
import { verifyEd25519 } from '@sealwatch/keys'
import { judgeSplitView, parseSplitView, type SplitViewReport, sha256 } from '@sealwatch/ledger'
import { type Evidence, listEvidence, readEvidence } from '@sealwatch/ledger/witness'
import { type Context, command, exit, text } from '../command.ts'
import { cliError } from '../errors.ts'
import { readSmallFile } from '../small-file.ts'
import { columns, paint, safe, safeJson, toSecond } from '../terminal.ts'
import { enterWitness } from '../witness/enter.ts'

const evidenceBytesMax = 1024 * 1024

export const witnessEvidence = command({
  name: 'witness evidence',
  summary: 'List, print or verify evidence of split views',
  about: `Without ID: all that the witness keeps. With ID: the evidence itself, a file that anybody verifies with --verify, from
the two checkpoints and the keys of the log alone (docs/formats/witness.md, 5). "possible" means that somebody showed a
signed tree with a proof that does not hold: the log settles it by proving that tree to the witness.`,
  operands: [{ name: 'ID', required: false }],
  options: {
    verify: text({ takes: 'FILE', help: 'Verify this file; needs no witness' }),
    trust: text({ takes: 'VKEY,…', help: 'With --verify: the keys you know for the log (default: those in the file)' }),
  },
  examples: [
    './sealwatch witness evidence',
    './sealwatch witness evidence 0123456789abcdef-0123456789abcdef > split-view.json',
    './sealwatch witness evidence --verify split-view.json --trust VKEY',
  ],
  run: async ({ verify, trust }, [id], context) => {
    if (verify !== undefined) return verifyFile(verify, trust?.split(',') ?? [], context)
    const { io, place } = context
    const places = enterWitness(place)
    if (id === undefined) return list((await listEvidence(systemDisk, places)).kept, context)
    const evidence = await readEvidence(systemDisk, places, id)
    // A file must have the bytes as they are; a terminal must not.
    io.out(io.outTty ? `${safeJson(JSON.parse(evidence.text), 2)}\n` : evidence.text)
    return exit.ok
  },
})

function list(kept: readonly Evidence[], { io, json }: Context): number {
  if (json) io.out(`${safeJson(kept)}\n`)
  else if (kept.length === 0) io.out('No evidence of split views.\n')
  else
    io.out(
      columns(
        kept.map(({ id, seenAt, settled, report }) => [
          id,
          toSecond(seenAt),
          settled ? 'settled' : report.proven ? paint(io, ['red', 'bold'], 'PROVEN') : paint(io, 'yellow', 'possible'),
          `${report.sizes[0]} and ${report.sizes[1]} of ${safe(report.origin)}`,
        ]),
      ),
    )
  return kept.some(({ settled }) => !settled) ? exit.finding : exit.ok
}

function verifyFile(path: string, trust: readonly string[], { io, json }: Context): number {
  const report = judgeSplitView(
    { sha256, verify: verifyEd25519 },
    parseSplitView(textOf(path), `reading ${path}`),
    trust,
  )
  const pinned = trust.length > 0
  io.out(
    json
      ? `${safeJson({ ...report, trust: pinned ? 'pinned' : 'self-asserted' })}\n`
      : render(report, pinned, path, io),
  )
  return report.proven ? exit.ok : exit.finding
}

function render(
  { origin, sizes, roots, kind, signedBy }: SplitViewReport,
  pinned: boolean,
  path: string,
  io: Context['io'],
) {
  const verdicts = {
    same_size: ['PROVEN', 'one size, two roots: no log that only grows signs both'],
    other_prefix: ['PROVEN', 'the second tree begins with another tree of the first size than the first'],
    unproven: ['NOT PROVEN', 'the log signed both, and the proof given shows nothing; ask the log for one that holds'],
  } as const
  const [word, because] = verdicts[kind]
  const keys = [...new Set(signedBy.flat())].map((vkey) => safe(vkey)).join(', ')
  return `${paint(io, kind === 'unproven' ? 'yellow' : ['red', 'bold'], `SPLIT VIEW ${word}`)} ${safe(path)}
  log       ${safe(origin)}
  first     size ${sizes[0]}, root ${roots[0]}
  second    size ${sizes[1]}, root ${roots[1]}
  because   ${because}
  signed by ${keys}
  trust     ${pinned ? 'pinned by --trust' : 'NOT PINNED: compare these keys with those you know for the log (--trust)'}
`
}

function textOf(path: string): string {
  try {
    return readSmallFile(path, evidenceBytesMax)
  } catch (cause) {
    const received = (cause as NodeJS.ErrnoException).code
    throw cliError('CLI_FILE', { attempted: `reading the evidence ${path}`, received, cause })
  }
}
