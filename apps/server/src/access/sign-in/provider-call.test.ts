// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempDisposable, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock, systemDisk } from '@sealwatch/base'
import { openAuthority } from '../../identity/authority.ts'
import { providerCall } from './provider-call.ts'
import { readProvider } from './settings.ts'

const get = { method: 'GET', headers: {}, body: undefined, redirect: 'manual' } as const

test('a provider over TLS must come from the CA that is set, under its own name', async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-provider-'))
  const options = { deployment: 'd', disk: systemDisk, clock: systemClock }
  const authority = await openAuthority({ ...options, path: join(dir.path, 'ca.pem') })
  const other = await openAuthority({ ...options, path: join(dir.path, 'other.pem') })
  const server = createServer(await authority.issueServer(['localhost']), (_request, response) => response.end('{}'))
  await using _closing = { [Symbol.asyncDispose]: async () => server.close().closeAllConnections() }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const [origin, elsewhere] = [`https://localhost:${port}`, `https://127.0.0.1:${port}`]
  const origins = new Set([origin, elsewhere])
  const call = providerCall({ origins, ca: authority.certificate.toString() }, systemClock)
  const answer = await call(`${origin}/`, get)
  assert.deepEqual([answer.status, await answer.text()], [200, '{}'])
  await assert.rejects(call(`${elsewhere}/`, get), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
  for (const ca of [undefined, other.certificate.toString()])
    await assert.rejects(providerCall({ origins, ca }, systemClock)(`${origin}/`, get), /certificate/)
  for (const url of ['https://evil.example/', `http://localhost:${port}/`, 'file:///etc/passwd'])
    await assert.rejects(call(url, get), { code: 'PROVIDER_UNFIT' }, url)
})

test('what a setting names is read once: a secret that is closed to others, a CA', async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-provider-'))
  const path = join(dir.path, 'secret')
  await writeFile(path, 'sesame\n', { mode: 0o600 })
  const config = {
    publicOrigin: '',
    oidcIssuer: 'https://id.example.com',
    oidcClientId: 'sealwatch',
    oidcClientSecret: `file:${path}`,
    oidcScopes: 'openid',
    oidcGroupsClaim: 'groups',
    oidcEndpointOrigins: '',
    oidcCaFile: path,
  }
  const plan = readProvider(config)
  assert.deepEqual([plan?.clientSecret?.reveal(), plan?.ca], ['sesame', 'sesame\n'])
  assert(!JSON.stringify(plan).includes('"sesame"'))
  assert.equal(readProvider({ ...config, oidcClientSecret: '' })?.clientSecret, undefined)
  await writeFile(join(dir.path, 'open'), 'sesame', { mode: 0o644 })
  const bad = [
    { oidcClientSecret: `file:${dir.path}/open` },
    { oidcClientSecret: `file:${dir.path}/none` },
    { oidcCaFile: `${dir.path}/none` },
    { publicOrigin: 'http://sealwatch.example.com' },
  ]
  for (const change of bad)
    assert.throws(() => readProvider({ ...config, ...change }), { code: 'PROVIDER_SETTINGS' }, JSON.stringify(change))
})
