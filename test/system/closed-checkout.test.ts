// SPDX-License-Identifier: Apache-2.0
// A checkout in a home of root's: services that have given up root can no longer read their own code.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'
import { onwardOf, pressOf } from '../../apps/server/test/follow-link.ts'
import { freePort, repository, whyNot } from './platform.ts'

const skip = whyNot()

/** Goes where it is sent, and keeps the cookies of each place. */
function browser() {
  const jars = new Map<string, Map<string, string>>()
  return async (from: string, first: RequestInit = {}): Promise<Response> => {
    let [url, init] = [from, first]
    for (;;) {
      const { hostname } = new URL(url)
      const jar = jars.get(hostname) ?? new Map<string, string>()
      jars.set(hostname, jar)
      const cookie = [...jar].map((pair) => pair.join('=')).join('; ')
      const response = await fetch(url, { ...init, redirect: 'manual', headers: { ...init.headers, cookie } })
      for (const set of response.headers.getSetCookie()) {
        const [name = '', value = ''] = (set.split(';')[0] ?? '').split(/=(.*)/s)
        jar.set(name, value)
      }
      const next = response.headers.get('location')
      if (next === null) return response
      ;[url, init] = [new URL(next, url).href, {}]
    }
  }
}

test('what is below a folder that only root may enter starts, answers, signs people in and takes a policy', {
  skip,
}, async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-closed-'))
  const tree = join(dir.path, 'tree')
  await mkdir(tree)
  const run = (command: string, ...args: string[]) =>
    new Promise<string>((resolve, reject) => {
      execFile(command, args, { timeout: 60_000 }, (error, stdout, stderr) => {
        if (error === null) resolve(stdout)
        else reject(new Error(`${command} ${args.join(' ')}: ${stderr}${stdout}`))
      })
    })
  const sealwatch = (root: string, ...args: string[]) => [
    process.execPath,
    '--disable-warning=ExperimentalWarning',
    join(root, 'apps/cli/src/main.ts'),
    ...args,
    '--data',
    join(dir.path, 'data'),
  ]
  // In a mount namespace of its own, so that nothing is copied and nobody else sees it.
  const bind = 'mount --bind "$1" "$2" && shift 2 && exec "$@"'
  const within = ['--mount', '--propagation', 'private', 'sh', '-c', bind, 'sh', repository, tree]
  const ports = ['--port', String(await freePort()), '--api-port', String(await freePort())]
  await run('unshare', ...within, ...sealwatch(tree, 'up', '--detach', ...ports))
  try {
    const [node = '', ...login] = sealwatch(repository, 'login', '--json')
    const { url } = JSON.parse(await run(node, ...login)) as { url: string }
    const get = browser()
    assert.equal((await get(url)).status, 200)
    const { method, headers, body } = pressOf(url)
    const pressed = await get(url.replace(/\?.*/, ''), { method, headers, body })
    assert.equal((await get(onwardOf(await pressed.text()))).status, 200)
    assert.match(await (await get(`${new URL(url).origin}/api/v1/session`)).text(), /"Local operator"/)
    // What might name a list is checked on a thread, which begins only now.
    const policy = { type: 'process', name: 'Plain', description: 'asked for by ops@example.com', rules: [] }
    await writeFile(join(dir.path, 'policy.json'), JSON.stringify(policy))
    const [, ...put] = sealwatch(repository, 'policy', 'put', 'plain', join(dir.path, 'policy.json'))
    await run(node, ...put)
  } finally {
    const [node = '', ...down] = sealwatch(repository, 'down')
    await run(node, ...down)
  }
})
