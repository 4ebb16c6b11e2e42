// SPDX-License-Identifier: Apache-2.0

import { writeFile } from 'node:fs/promises'
import type { Operations } from '@sealwatch/contract/api'
import { apiOptions, withApi } from '../api.ts'
import { command, exit, flag, integer, text } from '../command.ts'
import { cliError, fileError } from '../errors.ts'
import { filterOf, filterOptions, pages } from '../quarantine/filter.ts'
import { columns, counted, safe, safeJson, toSecond } from '../terminal.ts'

type Item = Operations['listQuarantine']['answer']['items'][number]

const leafOperand = [{ name: 'LEAF', required: true }] as const
function leafOf(typed: string, attempted: string): number {
  const leaf = Number(typed)
  if (/^\d{1,15}$/.test(typed)) return leaf
  throw cliError('CLI_USAGE', { attempted, received: typed, advice: 'Give the leaf that `quarantine list` shows' })
}

const limit = integer({ takes: 'N', help: 'At most so many (default: no limit)', min: 1, max: 1_000_000, absent: 0 })

function totalOf(items: readonly Item[]): string {
  const rows = items.reduce((sum, { first_seq, next_seq }) => sum + next_seq - first_seq, 0)
  return `${counted(items.length, 'item')}, ${counted(rows, 'row')}`
}

export const quarantineList = command({
  name: 'quarantine list',
  summary: 'What was not admitted, and why',
  about:
    'LEAF is the place of the stub that stands in the ledger for the lines; the other commands name an item by it.',
  options: { ...apiOptions, ...filterOptions, admitted: flag('Also what was admitted since'), limit },
  examples: [
    'sudo ./sealwatch quarantine list --since 1d --limit 20',
    'sudo ./sealwatch quarantine list --reason unknown_key --json',
  ],
  run: async ({ server, tenant, admitted, limit: most, ...filter }, _operands, { io, place, json }) => {
    const items: Item[] = []
    let isCut = false
    await withApi({ io, place, server, tenant }, 'listing the quarantine', async (api) => {
      const query = {
        ...filterOf(filter, io.clock.nowMs()),
        ...(admitted ? {} : { state: 'waiting' as const }),
        limit: 500,
      }
      const read = (cursor: number | undefined) =>
        api.call('listQuarantine', { query: cursor === undefined ? query : { ...query, cursor } })
      for await (const page of pages(read)) {
        items.push(...page)
        isCut = most > 0 && items.length > most
        if (isCut) break
      }
      if (isCut) items.length = most
    })
    if (json) io.out(`${safeJson({ items })}\n`)
    else if (items.length === 0) io.out('Nothing is in quarantine.\n')
    else
      io.out(
        `${columns([
          ['LEAF', 'REASON', 'ROWS', 'PRODUCER', 'KEY', 'SINCE', 'STATE'],
          ...items.map((row) => [
            String(row.leaf_index),
            safe(row.reason),
            String(row.next_seq - row.first_seq),
            safe(row.producer),
            safe(row.key_id ?? '-'),
            safe(toSecond(row.quarantined_at)),
            row.state,
          ]),
        ])}${totalOf(items)}${isCut ? '; there are more, all together: quarantine status' : ''}\n`,
      )
    return exit.ok
  },
})

export const quarantineShow = command({
  name: 'quarantine show',
  summary: 'One item: its reason, peer, key and place',
  about: 'The bytes are written only when asked for, exactly as they came; that they were read stands in the ledger.',
  operands: leafOperand,
  options: {
    ...apiOptions,
    bytes: text({ takes: 'FILE', help: 'Write the exact bytes to FILE, which must not exist' }),
  },
  examples: ['sudo ./sealwatch quarantine show 4711', 'sudo ./sealwatch quarantine show 4711 --bytes evidence.ndjson'],
  run: async ({ server, tenant, bytes }, [typed = ''], { io, place, json }) => {
    const attempted = 'showing a quarantined item'
    const leaf_index = leafOf(typed, attempted)
    await withApi({ io, place, server, tenant }, attempted, async (api) => {
      const { item, release } = await api.call('showQuarantined', { params: { leaf_index } })
      if (bytes !== undefined) {
        const read = await api.call('readQuarantined', { params: { leaf_index } })
        await writeFile(bytes, Buffer.from(read.bytes, 'base64'), { flag: 'wx', mode: 0o600 }).catch(
          (cause: unknown) => {
            throw fileError(bytes, cause)
          },
        )
      }
      if (json) {
        io.out(`${safeJson({ item, release })}\n`)
        return
      }
      if (bytes !== undefined) {
        io.out(`Wrote ${safe(bytes)}: the exact bytes of the item at leaf ${leaf_index}.\n`)
        return
      }
      const rows: [string, string][] = [
        ['reason', item.reason],
        ['detail', item.detail],
        ['state', item.state],
        ['producer', item.producer],
        ['peer', item.peer ?? 'not noted'],
        ['key', item.key_id ?? 'none named'],
        [
          'place',
          `lines ${item.first_seq} to ${item.next_seq - 1} of chain ${item.chain}, stub at leaf ${item.leaf_index}`,
        ],
        ['item', item.item],
        ['received', item.received_at ?? item.quarantined_at],
        ['registry', item.registry_version === null ? 'not noted' : `version ${item.registry_version}`],
        ...(item.admitted_leaf_index === null
          ? []
          : [['admitted', `at leaf ${item.admitted_leaf_index}, ${item.admitted_at}`] satisfies [string, string]]),
        ...(release === null || release.rejected_at !== null
          ? []
          : [
              [
                'release',
                `${release.request}, asked for by ${release.requested_by} until ${release.expires_at}: ${release.cause}`,
              ] satisfies [string, string],
            ]),
      ]
      if (release !== null && release.rejected_at !== null)
        rows.push([
          'release',
          `${release.request} was turned down by ${release.rejected_by}: ${release.rejected_cause}`,
        ])
      io.out(columns(rows.map(([name, value]) => [name, safe(value)])))
    })
    return exit.ok
  },
})

export const quarantineRelease = command({
  name: 'quarantine release',
  summary: 'Let an item in whose signature does not hold: one asks, another approves',
  about: `One person asks, with --cause; within 24 hours another approves the very request, with --approve and the id that
\`quarantine show\` names, or turns it down with --reject and --cause: the item stays. All of it stands in the ledger, and the lines
are marked there as released. The operator on the machine counts as one person.`,
  operands: leafOperand,
  options: {
    ...apiOptions,
    cause: text({ takes: 'TEXT', help: 'Ask for it, and why; with --reject, why not' }),
    approve: text({ takes: 'REQUEST', help: 'Approve what somebody else asked for' }),
    reject: text({ takes: 'REQUEST', help: 'Turn down what was asked for' }),
  },
  examples: [
    "sudo ./sealwatch quarantine release 4711 --cause 'the agent 2.1.0 signed wrong bytes, see INC-7'",
    'sudo ./sealwatch quarantine release 4711 --approve rel_6f1c0d5a9be24c7718e0',
    "sudo ./sealwatch quarantine release 4711 --reject rel_6f1c0d5a9be24c7718e0 --cause 'not what the agent wrote'",
  ],
  run: async ({ server, tenant, cause, approve, reject }, [typed = ''], { io, place, json }) => {
    const attempted = 'releasing a quarantined item'
    const leaf_index = leafOf(typed, attempted)
    if ((cause === undefined) === (approve === undefined) || (approve !== undefined && reject !== undefined))
      throw cliError('CLI_USAGE', {
        attempted,
        advice: 'Give --cause TEXT to ask for it, --approve REQUEST, or --reject REQUEST with --cause TEXT',
      })
    await withApi({ io, place, server, tenant }, attempted, async (api) => {
      if (cause !== undefined && reject !== undefined) {
        const { release } = await api.call('rejectRelease', {
          params: { leaf_index },
          body: { request: reject, cause },
        })
        io.out(json ? `${safeJson(release)}\n` : 'Turned down. The item stays in quarantine.\n')
        return
      }
      if (cause !== undefined) {
        const { release } = await api.call('askForRelease', { params: { leaf_index }, body: { cause } })
        io.out(
          json
            ? `${safeJson(release)}\n`
            : `Asked for. Somebody else has to approve it before ${release.expires_at}:
  sealwatch quarantine release ${leaf_index} --approve ${release.request}\n`,
        )
        return
      }
      const done = await api.call('approveRelease', { params: { leaf_index }, body: { request: approve ?? '' } })
      const words =
        done.outcome === 'admitted' || done.outcome === 'already' ? 'Admitted' : `Not admitted (${done.outcome})`
      io.out(
        json
          ? `${safeJson(done)}\n`
          : `${words}: ${counted(done.lines, 'line')} behind leaf ${done.admitted_leaf_index}.\n`,
      )
    })
    return exit.ok
  },
})
