// SPDX-License-Identifier: Apache-2.0
// docs/worst-week.md as a newcomer follows it, word for word, without the minutes that an alert takes (test/monitoring has
// the alert).

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { freePort, repository, whyNot } from './platform.ts'

test('ING-3 OPS-2 the worst week, rehearsed by hand, loses nothing', { skip: whyNot() ?? false }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'sealwatch-worst-week-'))
  chmodSync(dir, 0o755)
  t.after(() => rmSync(dir, { recursive: true }))
  const page = readFileSync(join(repository, 'docs/worst-week.md'), 'utf8')
  const blocks = Array.from(page.matchAll(/```sh\n(.*?)```/gs), ([, text = '']) => text)
  const health = String(await freePort())
  const walked = blocks
    .filter((text) => !text.includes('prometheus --config.file'))
    .join('\n')
    .replaceAll('/tmp/worst-week', dir)
    .replaceAll('9464', health)
    .replace('kill $PROMETHEUS\nrm -r $W\n', '')
  const main = join(repository, 'apps/cli/src/main.ts')
  const command = `'${process.execPath}' --disable-warning=ExperimentalWarning '${main}'`
  const script = `
    cd '${repository}'
    sealwatch() { case $1 in up) set -- "$@" --port ${await freePort()} --api-port ${await freePort()};; esac; ${command} "$@"; }
    ended() { kill $SERVICE; sealwatch down; }
    trap ended EXIT
    ${walked.replaceAll('./sealwatch', 'sealwatch')}
    trap - EXIT`
  writeFileSync(join(dir, 'walk.sh'), script)
  const env = { ...process.env, SEALWATCH_LOG: '' }
  const { stdout } = await promisify(execFile)('bash', ['-eu', join(dir, 'walk.sh')], { env })
  const [, rows = '0'] = stdout.match(/^(\d+) rows, 0 missing or doubled$/m) ?? []
  assert.ok(Number(rows) > 1000, stdout)
  const written = Array.from(stdout.matchAll(/(\d+) written, 0 waiting;/g)).at(-1)?.[1]
  assert.equal(rows, written, stdout)
})
