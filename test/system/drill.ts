// SPDX-License-Identifier: Apache-2.0
// Drills as an operator runs them: each is a process of its own, before the platform as it runs.

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import type { RowDrillReport } from '@sealwatch/ledger'
import { type Platform, repository } from './platform.ts'

const quick = ['--rows', '20', '--rate', '200']
let count = 0

type Drill = {
  readonly child: ChildProcess
  /** Resolves when the command has said it. */
  said(pattern: RegExp): Promise<void>
  readonly done: Promise<Done>
}
type Done = {
  readonly code: number | null
  readonly out: string
  readonly err: string
  readonly path: string
  readonly report: RowDrillReport | undefined
}

/** The command in a process of its own, which may be killed. */
export function drill(platform: Platform, name: string, ...more: readonly string[]): Drill {
  count += 1
  const stem = join(platform.data, `report-${count}`)
  const argv = ['drill', name, ...quick, '--output', stem, '--data', platform.data, ...more]
  const main = join(repository, 'apps/cli/src/main.ts')
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, ...argv], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [out, err] = ['', '']
  const waiting = new Set<() => void>()
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text
    for (const look of waiting) look()
  })
  const done = once(child, 'close').then(([code]) => {
    const path = `${stem}.json`
    const file = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as { report: string }) : undefined
    const report = file === undefined ? undefined : (JSON.parse(file.report) as RowDrillReport)
    return { code: code as number | null, out, err, path, report }
  })
  return {
    child,
    done,
    said: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (pattern.test(err)) resolve()
        }
        waiting.add(look)
        look()
        void done.then(() => reject(new Error(`it never said ${pattern}: ${err}${out}`)))
      }),
  }
}

/** As an auditor does it elsewhere: with the report and a copy of trust.json, and nothing else of this machine. */
async function verify(platform: Platform, path: string) {
  const trust = join(platform.data, 'trust.json')
  const { code, stdout, stderr } = await platform.sealwatch('drill', 'verify', path, '--trust', trust, '--json')
  return { code, said: JSON.parse(stdout || '{}') as { statement?: { outcome: string; run: string } }, stderr }
}

/** That a report is signed, whatever it says, and stands in the ledger of the decoy's tenant. */
export async function expectSigned(
  platform: Platform,
  { path, report, code, err, out }: Done,
  outcome: 'passed' | 'failed',
) {
  assert.equal(code, outcome === 'passed' ? 0 : 1, err + out)
  assert.equal(report?.outcome, outcome)
  const verified = await verify(platform, path)
  assert.equal(verified.code, outcome === 'passed' ? 0 : 1, verified.stderr)
  assert.deepEqual([verified.said.statement?.outcome, verified.said.statement?.run], [outcome, report.run])
  const { stdout } = await platform.sealwatch('events', '--tenant', 'drill', '--since', '1h', '--json')
  const lines = stdout.split('\n').filter((line) => line.includes('drill_reported') && line.includes(report.run))
  assert.equal(lines.length, 1)
  const { payload } = (JSON.parse(readFileSync(path, 'utf8')) as { envelope: { payload: string } }).envelope
  assert.ok(lines[0]?.includes(payload), 'the envelope stands in the ledger, whole')
}

/** The decoy is put away: it is halted, no token of it is open, and no process or file of it is left. */
export async function expectPutAway(platform: Platform) {
  const producers = JSON.parse((await platform.sealwatch('producer', 'list', '--tenant', 'drill', '--json')).stdout)
  assert.deepEqual(
    producers.items.map((one: { halted_at: string | null }) => one.halted_at === null),
    [false],
  )
  const tokens = JSON.parse((await platform.sealwatch('token', 'list', '--tenant', 'drill', '--json')).stdout)
  assert.ok(tokens.items.every((one: { revoked_at: string | null }) => one.revoked_at !== null))
  assert.deepEqual(globSync('drill/*/*', { cwd: platform.run }), [])
}
