// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtempDisposable, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Clock, createBell, createLog, systemDisk as disk, systemClock } from '@sealwatch/base'
import { createHealth } from '@sealwatch/base/health'
import { across, createOutbox, openStore, type Store } from '../store/index.ts'
import { lookInto, readFiles } from './read-folder.ts'
import { addRuleHealth, wrongRules } from './rule-health.ts'
import { openRules, type Rules } from './rules.ts'
import { ruleText } from './test/rule-text.ts'

const voice = { device: { uid: 'd', hostname: 'h', type_id: 0, type: 'Unknown', os: {} }, version: '0' } as never
const signal = AbortSignal.timeout(60_000)
const own = [{ path: 'own.yml', text: ruleText('own') }]

/** Rules over a folder, as a server start opens them; `told` rings with each line of the log. */
async function room(dir: string, store: Store, clock: Clock = systemClock) {
  const said: string[] = []
  const bell = createBell()
  const log = createLog(
    'test',
    (line) => {
      said.push(line)
      bell.ring()
    },
    clock.nowMs,
  )
  const outbox = createOutbox(store, clock)
  const rules = await openRules({ ruleFiles: own, ruleFolders: [dir], store, outbox, voice, disk, clock, log })
  const stop = new AbortController()
  const running = { done: rules.run(stop.signal) }
  return {
    rules,
    said,
    /** Until the rules are such. */
    until: async (is: (rules: Rules) => boolean) => {
      while (!is(rules)) {
        assert.ok(!signal.aborted, said.join(''))
        await Promise.race([bell.wait(signal), running.done])
      }
    },
    [Symbol.asyncDispose]: async () => {
      stop.abort()
      await running.done
    },
  }
}

function openTestStore() {
  const store = openStore(':memory:')
  return Object.assign(store, { [Symbol.asyncDispose]: store.close })
}

const tempDir = () => mkdtempDisposable(join(tmpdir(), 'sealwatch-rules-'))
const names = ({ ruleset }: Rules) => ruleset.rules.map(({ title }) => /program (\w+)/.exec(title)?.[1]).join(' ')

async function told(store: Store) {
  const rows = await across(store.db, 'outbox').selectFrom('outbox').select('body').orderBy('id').execute()
  return rows.map(({ body }) => (JSON.parse(body) as { event: { message: string; unmapped: object } }).event)
}

test('DET-2 a folder is read with those below, in order; links are followed, names that begin with a dot are not', async () => {
  await using dir = await tempDir()
  const { path } = dir
  await mkdir(join(path, 'below'))
  await mkdir(join(path, '..data'))
  for (const name of ['b.yml', 'a.yaml', 'notes.txt', '.hidden.yml', 'below/c.yml', '..data/d.yml'])
    await writeFile(join(path, name), name)
  await symlink('..data/d.yml', join(path, 'd.yml'))
  await symlink('nowhere', join(path, 'e.yml'))
  execFileSync('mkfifo', [join(path, 'f.yml')])
  const look = await lookInto(path)
  const found = await readFiles(look, disk)
  assert.deepEqual(
    found.map((file) => [file.path.slice(path.length + 1), 'text' in file ? file.text : file.error.code]),
    [
      ['a.yaml', 'a.yaml'],
      ['b.yml', 'b.yml'],
      ['below/c.yml', 'below/c.yml'],
      ['d.yml', '..data/d.yml'],
      ['f.yml', 'RULE_FILE'],
    ],
  )
  assert.equal((await lookInto(path)).mark, look.mark)
  await writeFile(join(path, 'below/c.yml'), 'changed')
  assert.notEqual((await lookInto(path)).mark, look.mark)
  await assert.rejects(lookInto(join(path, 'nowhere')), { code: 'RULE_FOLDER', received: /ENOENT/ })
})

test('DET-2 a folder that leads to itself, or holds too much, is refused whole', async () => {
  await using dir = await tempDir()
  await symlink('.', join(dir.path, 'again'))
  await assert.rejects(lookInto(dir.path), { code: 'RULE_FOLDER', received: /deeper/ })
  await rm(join(dir.path, 'again'))
  await writeFile(join(dir.path, 'large.yml'), Buffer.alloc(1024 * 1024 + 1, 'x'))
  const [large] = await readFiles(await lookInto(dir.path), disk)
  assert.ok(large !== undefined && 'error' in large && large.error.code === 'RULE_FILE')
})

test('DET-2 a file that comes, changes, breaks and goes is in force within a look, and told of in log and ledger, once', {
  timeout: 60_000,
}, async () => {
  await using dir = await tempDir()
  await using store = openTestStore()
  {
    await using it = await room(dir.path, store)
    await it.until(() => it.said.length > 0)
    const put = async (text: string) => {
      await writeFile(join(dir.path, '.new'), text)
      await rename(join(dir.path, '.new'), join(dir.path, 'a.yml'))
    }
    await put(ruleText('a'))
    await it.until((rules) => names(rules) === 'own a')
    const { digest } = it.rules.inForce
    await put(ruleText('a').replace('condition: selection', 'condition: selektion'))
    await it.until((rules) => rules.inForce.leftOut.length === 1)
    assert.equal(it.rules.inForce.digest, digest)
    assert.match(it.said.join(''), /a rule is as it was before: its file is wrong.*a\.yml","line":8/)
    await put(ruleText('a', 'x'))
    await it.until((rules) => rules.inForce.leftOut.length === 0)
    await rm(join(dir.path, 'a.yml'))
    await it.until((rules) => names(rules) === 'own')
  }
  await (await room(dir.path, store))[Symbol.asyncDispose]()
  await writeFile(join(dir.path, 'b.yml'), ruleText('b'))
  await (await room(dir.path, store))[Symbol.asyncDispose]()
  assert.deepEqual(
    (await told(store)).map(({ message }) => message.replace(/^\d+ detection rules are in force/, '')),
    [': 1 came', ': 1 came', ': 1 wrong', ': 1 changed', ': 1 went', ': 1 came'],
  )
})

test('DET-2 a folder that cannot be read any more leaves what was in force, and /healthz says so', async () => {
  await using dir = await tempDir()
  await using store = openTestStore()
  const folder = join(dir.path, 'rules')
  await mkdir(folder)
  await writeFile(join(folder, 'a.yml'), ruleText('a'))
  await using it = await room(folder, store)
  const log = createLog('test', () => undefined, systemClock.nowMs)
  const health = createHealth({ component: 'test', version: '1', clock: systemClock, log })
  const requests = { wrongRules: ['/etc/a.conf:3: the operator @rxx'] }
  addRuleHealth(health, {
    rules: it.rules,
    requests,
    exceptions: { counts: { standing: 0, ending: 0, excepted: 0 } },
  })
  const shown = () =>
    health.liveness() as { status: string; rules: { in_force: number; folders: { problem: string | null }[] } }
  assert.deepEqual([shown().status, shown().rules.in_force, shown().rules.folders[0]?.problem], ['ok', 2, null])
  await rename(folder, `${folder}.away`)
  it.rules.reload()
  await it.until(({ folders }) => folders[0]?.problem !== undefined)
  assert.equal(names(it.rules), 'own a')
  assert.equal(shown().status, 'warning')
  assert.match(shown().rules.folders[0]?.problem ?? '', /ENOENT/)
  assert.match(health.metrics.text(), /sealwatch_rules_wrong\{kind="folder"\} 1\n/)
  assert.match(health.metrics.text(), /sealwatch_rules_wrong\{kind="request"\} 1\n/)
  const [first, ...others] = wrongRules({ rules: it.rules, requests })
  assert.match(first ?? '', new RegExp(`^${RegExp.escape(folder)}: RULE_FOLDER .*ENOENT`))
  assert.deepEqual(others, requests.wrongRules)
  await writeFile(join(`${folder}.away`, 'b.yml'), ruleText('b'))
  await rename(`${folder}.away`, folder)
  it.rules.reload()
  await it.until((rules) => names(rules) === 'own a b')
  assert.equal(it.rules.folders[0]?.problem, undefined)
})

test('DET-2 the rules of the program are what the sources hold', async () => {
  const { readRuleFiles, standardRules } = await import('./rules.ts')
  const [first] = readRuleFiles(standardRules)
  assert.equal(first?.text, await readFile(join(standardRules, first?.path ?? ''), 'utf8'))
})
