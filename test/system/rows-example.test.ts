// SPDX-License-Identifier: Apache-2.0
// packages/producer/README.md as a newcomer follows it, word for word.

import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { type Platform, repository, startPlatform, whyNot } from './platform.ts'

const readme = readFileSync(join(repository, 'packages/producer/README.md'), 'utf8')
const block = (language: string, holds: string): string => {
  const found = Array.from(readme.matchAll(/```(\w+)\n(.*?)```/gs)).filter(
    ([, name, text]) => name === language && text?.includes(holds),
  )
  assert.equal(found.length, 1, `one block of ${language} with ${holds}`)
  return found[0]?.[2] as string
}

test('ING-6 the worked example of the producer brings a signed row into the ledger', {
  skip: whyNot() ?? false,
}, async (t) => {
  const platform = await startPlatform()
  t.after(() => platform.down())
  const place = placeOf(platform)
  t.after(() => rmSync(place.home, { recursive: true }))
  t.after(() => rmSync(place.checkout, { recursive: true }))
  const held = readdirSync(place.checkout)
  await shell(place, block('sh', 'producer add'))

  const { stdout } = await platform.sealwatch('status', '--json')
  const { api } = (JSON.parse(stdout) as { server: { api: string } }).server
  const [program, port] = [block('ts', 'createForwarder'), 'http://localhost:7444']
  assert.ok(program.includes(port) && api.startsWith('http://localhost:'))
  const told = readme.match(/`(\{ admitted: 1,[^`]*)`/)?.[1] as string
  await runUntil(told, place, program.replace(port, api))
  assert.match(await shell(place, block('sh', 'audit export')), /"text":"\{\\"invoice\\":42,\\"by\\":\\"ana\\"\}"/)
  assert.deepEqual(readdirSync(place.checkout), held, 'nothing of the service lies in the checkout')
})

test('POL-3 ING-2 the same over gRPC, with a certificate in the place of the token', {
  skip: whyNot() ?? false,
}, async (t) => {
  const platform = await startPlatform()
  t.after(() => platform.down())
  const place = placeOf(platform)
  t.after(() => rmSync(place.home, { recursive: true }))
  t.after(() => rmSync(place.checkout, { recursive: true }))
  const held = readdirSync(place.checkout)
  await shell(place, block('sh', 'producer add'))
  rmSync(join(place.home, 'billing/token'))
  await shell(place, block('sh', 'producer certify'))
  const certified = block('ts', 'fileCertificate').trim().replace('7443', String(platform.port))
  assert.ok(certified.includes(String(platform.port)))
  const program = block('ts', 'createForwarder')
    .replace(/^ *send: httpSender.*$/m, certified)
    .replace('httpSender', 'fileCertificate, grpcSender')
  await runUntil(readme.match(/`(\{ admitted: 1,[^`]*)`/)?.[1] as string, place, program)
  assert.match(await shell(place, block('sh', 'audit export')), /"row":\{/)
  assert.match(await shell(place, './sealwatch producer certificates billing'), /crt_[0-9a-f]{20}/)
  assert.deepEqual(readdirSync(place.checkout), held, 'nothing of the service lies in the checkout')
})

/** Runs the program as the page says, until it has said that; then Ctrl-C ends it in good order. */
async function runUntil(told: string, { checkout: cwd, home }: Place, program: string): Promise<void> {
  writeFileSync(join(home, 'billing/billing.ts'), program)
  const running = spawn('bash', ['-c', block('sh', 'billing.ts)')], {
    ...{ cwd, env: { ...process.env, HOME: home } },
    detached: true,
  })
  let output = ''
  const taken = Promise.withResolvers<void>()
  for (const stream of [running.stdout, running.stderr])
    createInterface({ input: stream }).on('line', (line) => {
      output += `${line}\n`
      if (line === told) taken.resolve()
    })
  const ended = once(running, 'close')
  await Promise.race([taken.promise, ended])
  if (running.exitCode === null) process.kill(-(running.pid as number), 'SIGINT')
  assert.deepEqual(await ended, [0, null], output)
  assert.ok(output.includes(told), output)
}

type Place = { readonly checkout: string; readonly home: string }

/** A checkout in which ./sealwatch means that platform, and a home; root needs no sudo. */
function placeOf({ data }: Platform): Place {
  const checkout = mkdtempSync(join(tmpdir(), 'sealwatch-example-'))
  const main = join(repository, 'apps/cli/src/main.ts')
  const command = `exec '${process.execPath}' --disable-warning=ExperimentalWarning '${main}' "$@" --data '${data}'`
  writeFileSync(join(checkout, 'sealwatch'), `#!/bin/sh\n${command}\n`, { mode: 0o755 })
  for (const name of ['packages', 'tools']) symlinkSync(join(repository, name), join(checkout, name))
  return { checkout, home: mkdtempSync(join(tmpdir(), 'sealwatch-example-home-')) }
}

const shell = async ({ checkout: cwd, home }: Place, script: string): Promise<string> => {
  const env = { ...process.env, HOME: home }
  const { stdout } = await promisify(execFile)('bash', ['-euc', `sudo() { "$@"; }\n${script}`], { cwd, env })
  return stdout
}
