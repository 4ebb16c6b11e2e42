// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { testIo } from '../../test/test-io.ts'
import { run } from '../cli.ts'

const own = join(import.meta.dirname, '../../../../rules')
let dir: string
before(() => {
  dir = mkdtempSync(join(tmpdir(), 'sealwatch-cli-rules-'))
})
after(() => rmSync(dir, { recursive: true }))

const text = readFileSync(join(own, 'shadow-read.yml'), 'utf8')
const mine = text.replace(/^id: ./m, 'id: 0')

async function rules(...args: string[]) {
  const io = testIo()
  const code = await run(['rules', ...args], io)
  return { code, out: io.said(), err: io.complained() }
}

/** The rule under a name, with the samples of the program's. */
function put(name: string, rule: string): string {
  const path = join(dir, `${name}.yml`)
  writeFileSync(path, rule)
  for (const kind of ['fires', 'quiet'])
    copyFileSync(join(own, `shadow-read.${kind}.json`), join(dir, `${name}.${kind}.json`))
  return path
}

test('DET-2 rules and samples of the program are right, without a server', async () => {
  const { code, out, err } = await rules('test', own)
  assert.equal(code, 0, out)
  assert.match(err, /^\d+ rules right\n$/)
  assert.ok(!out.includes('no samples') && !out.includes('FLIPPED'))
})

test('DET-2 what is wrong with a rule is told with its place, for editors and programs', async () => {
  const path = put('wrong', mine.replace('condition: selection', 'condition: selektion'))
  const { code, out } = await rules('test', path)
  assert.equal(code, 1)
  const line =
    1 +
    readFileSync(path, 'utf8')
      .split('\n')
      .findIndex((one) => one.includes('selektion'))
  assert.match(out, new RegExp(`wrong\\.yml:${line}: RULE_CONDITION: .*selektion.*\\n {2}There is selection`))
  const told = JSON.parse((await rules('test', path, '--json')).out) as { ok: boolean; problems: { line: number }[] }
  assert.deepEqual([told.ok, told.problems[0]?.line], [false, line])
})

test('DET-2 an id that a rule of the program has is told before the server leaves the rule out', async () => {
  const { code, out } = await rules('test', put('twin', text))
  assert.equal(code, 1)
  assert.match(out, /twin\.yml:\d+: RULE_DUPLICATE/)
})

test('DET-2 a sample for which the rule does the other thing is told as flipped', async () => {
  const path = put('flips', mine)
  assert.equal((await rules('test', path)).code, 0)
  const [fires, quiet] = ['fires', 'quiet'].map((kind) =>
    JSON.parse(readFileSync(join(dir, `flips.${kind}.json`), 'utf8')),
  )
  writeFileSync(join(dir, 'flips.fires.json'), JSON.stringify([fires, quiet, fires]))
  const { code, out, err } = await rules('test', path)
  assert.equal(code, 1)
  assert.match(out, /flips\.fires\.json: FLIPPED: it is quiet for event 2 of 3\n/)
  assert.match(out, /flips\.quiet\.json: quiet for 1 event\n/)
  assert.match(err, /1 sample flipped/)
  writeFileSync(join(dir, 'flips.fires.json'), 'no JSON')
  assert.equal((await rules('test', path)).code, 3)
})

test('DET-2 a file of events is judged line by line; what is no event is counted', async () => {
  const path = put('judge', mine)
  const events = join(dir, 'events.ndjson')
  const [fires, quiet] = ['fires', 'quiet'].map((kind) =>
    JSON.stringify(JSON.parse(readFileSync(join(dir, `judge.${kind}.json`), 'utf8'))),
  )
  writeFileSync(events, [quiet, fires, 'nonsense', '', '[1]', fires, fires, fires].join('\n'))
  const { out } = await rules('test', path, '--events', events)
  assert.match(out, /\n5 events judged, 2 unreadable\n.* {2}4 times {2}\S+ 4\n/)
  assert.deepEqual(
    [...out.matchAll(/line (\d+)\n/g)].map(([, line]) => line),
    ['2', '6', '7'],
  )
  assert.equal((await rules('test', path, '--events', join(dir, 'nowhere'))).code, 3)
})

test('DET-2 a folder is read with those below, hidden ones left out', async () => {
  const folder = join(dir, 'folder')
  for (const name of ['below', '.git']) mkdirSync(join(folder, name), { recursive: true })
  writeFileSync(join(folder, 'below/a.yml'), mine)
  writeFileSync(join(folder, '.git/b.yml'), 'nonsense')
  const { code, out } = await rules('test', folder)
  assert.equal(code, 0, out)
  assert.match(out, /below\/a\.yml: no samples\n$/)
})

test('DET-3 a rule in a file is explained as a tree, without a server', async () => {
  const { code, out } = await rules('explain', put('explain', mine))
  assert.equal(code, 0)
  assert.match(out, /\n {2,}WatchedFile.*: \/etc\/shadow/)
  assert.ok(!/^(yes|no) /m.test(out))
  const hostile = put('hostile', mine.replace('/etc/shadow', '\\u202e\x9b2J'))
  const shown = await rules('explain', hostile)
  assert.ok(!shown.out.includes('\x9b') && !shown.out.includes('\u202e'))
})
