// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { testIo } from '../test/test-io.ts'
import { run } from './cli.ts'
import { allCommands, commandsFor } from './commands/table.ts'

const commandTable = await allCommands()

async function call(...args: string[]) {
  const io = testIo()
  const code = await run(args, io)
  return { code, out: io.said(), err: io.complained() }
}

describe('command line', () => {
  test('without a command: all commands', async () => {
    for (const args of [[], ['--help'], ['-h'], ['help']]) {
      const { code, out } = await call(...args)
      assert.equal(code, 0)
      for (const { name } of commandTable) assert.ok(out.includes(`  ${name} `), name)
    }
  })

  for (const { name, summary, options, examples } of commandTable) {
    test(`${name}: it is loaded alone`, async () => {
      assert.deepEqual(
        (await commandsFor([...name.split(' '), '--json'])).map((command) => command.name),
        [name],
      )
    })

    test(`${name}: help names every option and has examples`, async () => {
      const { code, out } = await call(...name.split(' '), '--help')
      assert.equal(code, 0)
      assert.ok(out.startsWith(summary))
      for (const option of [...Object.keys(options), 'json', 'data', 'help'])
        assert.ok(out.includes(`--${option}`), option)
      assert.ok(examples.length > 0)
      for (const example of examples) assert.ok(example.includes('./sealwatch'), example)
    })
  }

  test('help of a command, also by help', async () => {
    assert.equal((await call('help', 'audit', 'verify')).out, (await call('audit', 'verify', '--help')).out)
    const rows = JSON.parse((await call('help', 'up', '--json')).out)
    assert.ok(rows[0].options.some(({ option }: { option: string }) => option === '--port N'))
  })

  test('the first word of a group lists its commands', async () => {
    for (const word of ['audit', 'erase', 'host', 'keys', 'witness']) {
      const { code, out } = await call('help', word)
      assert.deepEqual([code, out], [0, (await call(word, '--help')).out])
      for (const { name } of commandTable) assert.equal(out.includes(`  ${name} `), name.startsWith(`${word} `), name)
    }
    assert.equal(JSON.parse((await call('help', 'keys', '--json')).out).length, 4)
    assert.doesNotMatch((await call('audit')).err, /found ""/)
  })

  test('version', async () => {
    assert.equal((await call('--version')).out, (await call('version')).out)
    assert.equal(JSON.parse((await call('--version', '--json')).out).version, '0.1.0')
  })

  const wrong: [args: string[], said: RegExp][] = [
    [['stauts'], /Did you mean: \.\/sealwatch status/],
    [['alert'], /Did you mean: \.\/sealwatch alerts/],
    [['alert', '--help'], /Did you mean: \.\/sealwatch alerts$/m],
    [['host', 'config', 'diff', 'web', 'web.json', '3'], /host config diff web 3 7, or --from 3 --to 7/],
    [['host', 'revoke', 'web'], /\(CLI_WHY\)\n.*\n.*--cause/],
    [['host', 'revoke', 'web', '--causse', 'x'], /Did you mean --cause\?/],
    [['audit'], /Use one of: audit export, audit verify/],
    [['audit', 'frobnicate', 'x'], /Use one of: audit export, audit verify/],
    [['audit', 'verfiy', 'x'], /Did you mean: \.\/sealwatch audit verify$/m],
    [['strict', 'of'], /Did you mean: \.\/sealwatch strict off$/m],
    [['strict', 'zzz'], /Use one of: strict status/],
    [['manifest', 'root', 'aply', 'x'], /Did you mean: \.\/sealwatch manifest root apply$/m],
    [
      ['manifest', 'create', 'strictoff'],
      /found "strictoff"\n.*Did you mean strict-off\? Name one of .*rollback, strict-off, upgrade$/m,
    ],
    [['adit', 'verify', 'x'], /Did you mean: \.\/sealwatch audit verify/],
    [['frobnicate'], /See all commands/],
    [['--data', 'x', 'status'], /Name the command first/],
    [['up', '--prot', '5'], /"--prot".*\n.*Did you mean --port\?/],
    [['up', '--zzz'], /See \.\/sealwatch up --help/],
    [['up', '--port'], /--port N/],
    [['up', '--port', '0'], /--port must be an integer from 1 to 65535/],
    [['up', '--port', '7443x'], /must be an integer/],
    [['up', '--port=-1'], /must be an integer/],
    [['up', '--detach=yes'], /takes no value/],
    [['up', '--__proto__'], /"--__proto__"/],
    [['up', '--constructor', 'x'], /"--constructor"/],
    [['up', 'now'], /"now"/],
    [['status', '--data', ''], /must be a text that is not empty/],
    [['audit', 'verify'], /Name the FILE/],
    [['audit', 'verify', 'a', 'b'], /"b"/],
    [['member', 'invite', 'Zoë'], /Name the ROLE: \.\/sealwatch member invite 'Zoë' ROLE$/m],
    [['policy', 'diff', 'web', 'web.json', '3'], /found "web\.json 3"\n.*policy diff web 3 7, or --from 3 --to 7/],
    [['audit', 'export', '--all'], /-o FILE/],
    [['audit', 'export', '-o', 'x'], /exactly one/],
    [['audit', 'export', '-o', 'x', '--all', '--since', '1h'], /exactly one/],
    [['alerts', '--since', 'yesterday'], /must be an age such as 10m/],
    [['alerts', '--tenant', 'A/B'], /must be a tenant name/],
    [['events', '--class', 'file,fish'], /must be one or more of file/],
    [['events', '--filter', 'serverity=high'], /at character 1, received serverity; did you mean severity\?/],
    [['host', 'invite', '--ttl', '1'], /from 60 to 604800/],
    [['help', 'nothing'], /See all commands/],
  ]
  for (const [args, said] of wrong) {
    test(`wrong usage: ${args.join(' ')}`, async () => {
      const { code, out, err } = await call(...args)
      assert.equal(code, 2)
      assert.match(err, said)
      assert.match(err, /^sealwatch: .+\n {2}.+\n {2}.+\n$/, 'what failed, what to do, the rule: a line each')
      assert.equal(out, '')
    })
  }

  test('why something is done may be said by any of the words that commands have for it', async () => {
    for (const [command, ...words] of [
      ['host revoke web', 'cause', 'because', 'reason'],
      ['guard mode observe', 'because', 'cause'],
    ] as const)
      for (const word of words) {
        const { code, err } = await call(...command.split(' '), `--${word}`, 'it is so', '--data', '/nonexistent')
        assert.deepEqual([code, /CLI_NOT_RUNNING/.test(err)], [3, true], err)
      }
    assert.match((await call('status', '--because', 'x')).err, /found "--because"/)
  })

  test('errors are JSON where JSON is asked for', async () => {
    const { code, out, err } = await call('up', '--prot', '5', '--json')
    assert.equal(code, 2)
    assert.equal(JSON.parse(out).error.code, 'CLI_USAGE')
    assert.equal(err, '')
  })

  test('where nothing runs, each command says so', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'sealwatch-cli-'))
    const file = join(dir, 'x')
    const commands = [
      ['status'],
      ['alerts'],
      ['events'],
      ['doctor'],
      ['down'],
      ['host', 'invite'],
      ['audit', 'export', '--all', '-o', file],
    ]
    for (const command of commands) {
      const { code, err } = await call(...command, '--data', join(dir, 'data'))
      assert.equal(code, 3, command.join(' '))
      assert.match(err, /CLI_NOT_RUNNING/, command.join(' '))
    }
    rmSync(dir, { recursive: true })
  })

  test('without root: what needs it says so', async () => {
    const io = testIo({ uid: 1000 })
    assert.equal(await run(['up'], io), 3)
    assert.match(io.complained(), /CLI_NEEDS_ROOT(.|\n)*the same again by root, with all its options/)
  })

  test('an error that carries hostile text is made safe', async () => {
    const { err } = await call('\u001b]0;owned\u0007')
    assert.ok(!err.includes('\u001b') && !err.includes('\u0007'))
  })
})
