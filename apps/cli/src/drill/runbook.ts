// SPDX-License-Identifier: Apache-2.0

import { copyFile, mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { messageOf } from '@sealwatch/base'
import { readSmallFile } from '../small-file.ts'
import type { Drilling } from './drilled.ts'
import { drillFailure } from './failures.ts'

const runbookBytesMax = 256 * 1024
const rowsShown = 20

/** What stands for the tenant, the key and the server in the examples of our runbooks. */
const example = {
  tenant: 'acme',
  key: 'billing-2026-11',
  since: '2026-11-22T00:00:00Z',
  health: 'http://127.0.0.1:9464',
} as const
type Meant = { readonly [K in keyof typeof example]: string }

/**
 * Does what the first checks of a runbook say, with this tenant and key in the place of its examples: its commands, its look
 * at the metrics, and its SQL on a copy of the control database. Throws DRILL_CHECK_FAILED.
 */
export async function runFirstChecks(
  of: Drilling,
  runbook: string,
  meant: Omit<Meant, 'health'>,
  note: (line: string) => void,
): Promise<void> {
  const path = join(of.io.root, 'docs/runbooks', runbook)
  const failed = (received: string, cause?: unknown) =>
    drillFailure('DRILL_CHECK_FAILED', { attempted: `doing the first checks of ${runbook}`, received, cause })
  let text: string
  try {
    text = readSmallFile(path, runbookBytesMax)
  } catch (cause) {
    throw failed(`${path} (${(cause as NodeJS.ErrnoException).code})`, cause)
  }
  const checks = firstChecksIn(text, { ...meant, health: of.server.health })
  if (checks.length === 0) throw failed(`${path}, which has none`)
  for (const { kind, text: what } of checks) {
    of.progress(`first checks: ${what.split('\n')[0]}`)
    const said = await runOne(of, kind, what).catch((cause: unknown) => {
      throw failed(`${messageOf(cause)}, by: ${what}`, cause)
    })
    if (kind !== 'command' && said === '') throw failed(`nothing, by: ${what}`)
  }
  note(`${checks.length} checks of docs/runbooks/${runbook} were done as they stand there`)
}

type Check = { readonly kind: 'command' | 'metrics' | 'sql'; readonly text: string }

export function firstChecksIn(runbook: string, meant: Meant): Check[] {
  const section = /^## First checks\n([\s\S]*?)(?=^## |(?![\s\S]))/m.exec(runbook)?.[1] ?? ''
  const filled = (text: string) =>
    text
      .replaceAll(example.tenant, meant.tenant)
      .replaceAll(example.key, meant.key)
      .replaceAll(example.since, meant.since)
      .replaceAll(example.health, meant.health)
  return Array.from(section.matchAll(/^ *```(sh|sql)\n([\s\S]*?)^ *```$/gm)).flatMap(
    ([, kind, block = '']): Check[] => {
      const text = filled(block.replace(/^ {1,4}/gm, '').trim())
      if (kind === 'sql') return [{ kind: 'sql', text }]
      return text.split('\n').map((line) => ({ kind: line.startsWith('curl') ? 'metrics' : 'command', text: line }))
    },
  )
}

async function runOne(of: Drilling, kind: Check['kind'], text: string): Promise<string> {
  if (kind === 'command') return await of.type(wordsOf(text), 'miss')
  const output = kind === 'sql' ? await query(of, text) : grep(await of.metrics(), of.tenant, text)
  of.looked({ command: text, output })
  return output
}

const wordsOf = (line: string) => line.replace(/^(?:sudo )?(?:\.\/)?sealwatch /, '').split(' ')

/** `curl …/metrics | grep -E 'PATTERN'`; what it says of other tenants is no matter of a drill's report. */
function grep(metrics: string, tenant: string, line: string): string {
  const [, pattern = ''] = /\| grep -E '([^']+)'$/.exec(line) ?? []
  const wanted = new RegExp(pattern)
  return metrics
    .split('\n')
    .filter((one) => wanted.test(one) && one.includes(`tenant="${tenant}"`))
    .join('\n')
}

/** On a copy, for the server keeps the database to itself (docs/runbooks/README.md, "Plain SQL"). */
async function query({ place, tenant }: Drilling, sql: string): Promise<string> {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-drill-'))
  const ask = async () => {
    for (const name of ['index.sqlite', 'index.sqlite-wal'])
      await copyFile(join(place.data, 'server', name), join(dir.path, name))
    using database = new DatabaseSync(join(dir.path, 'index.sqlite'))
    return database
      .prepare(`SELECT * FROM (${sql.replace(/;\s*$/, '')}) WHERE tenant = ? LIMIT ${rowsShown}`)
      .all(tenant)
  }
  // What was written to while it was copied is copied again.
  const rows = await ask().catch(ask)
  return rows.map((row) => JSON.stringify(row)).join('\n')
}
