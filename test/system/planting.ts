// SPDX-License-Identifier: Apache-2.0

import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { join } from 'node:path'
import process from 'node:process'
import { createLog, systemClock, systemDisk, systemRandom } from '@sealwatch/base'
import { protocol } from '@sealwatch/contract'
import { generateSigner } from '@sealwatch/keys'
import { openChain } from '@sealwatch/ledger'
import { connectAgent } from '../../apps/agent/src/ship/client.ts'
import { openIdentity, readHostFacts } from '../../apps/agent/src/ship/index.ts'
import type { Platform } from './platform.ts'

/** Secrets by where they went in; each place has its own, so that what is found says where it came from. */
export type Planting = {
  readonly secrets: ReadonlyMap<string, string>
  make(place: string): string
  /** One that the product made. */
  know(place: string, value: string): void
}

export function createPlanting(): Planting {
  const secrets = new Map<string, string>()
  return {
    secrets,
    make: (place) => {
      const value = `Pl4nt${randomBytes(12).toString('hex')}`
      secrets.set(place, value)
      return value
    },
    know: (place, value) => secrets.set(place, value),
  }
}

type Make = Planting['make']

/** Ordinary programs whose arguments and environments hold secrets; none of them does anything. */
export function runPrograms({ make }: Planting): void {
  const idle = (name: string, ...args: string[]) => spawnSync('/bin/true', args, { argv0: name })
  const shell = (text: string) => spawnSync('/bin/sh', ['-c', text])
  idle('tool', '--password', make('--password x'), `--api-key=${make('--api-key=x')}`, '--pin', make('--pin x'))
  idle('mysql', '-u', 'root', `-p${make('mysql -px')}`)
  idle('sshpass', '-p', make('sshpass -p x'), 'ssh', 'host')
  idle('curl', '-H', `Authorization: Bearer ${make('bearer header')}`, '-H', `X-Api-Key: ${make('API key header')}`)
  idle('curl', '-u', `me:${make('curl -u')}`, `https://h/?token=${make('URL token')}&key=${make('URL key')}`)
  idle('curl', `https://me:${make('URL password')}@h/?X-Amz-Signature=${make('URL signature')}`)
  idle('psql', `postgres://app:${make('connection URL')}@db/x`)
  idle('env', `AWS_SECRET_ACCESS_KEY=${make('assignment')}`, 'true')
  idle('openssl', 'enc', '-k', make('openssl -k'))
  idle('git', 'clone', `https://ghp_${make('code host token').padEnd(36, '0')}@github.com/x/y`)
  idle('tool', `-----BEGIN PRIVATE KEY-----\n${make('private key')}\n-----END PRIVATE KEY-----`)
  idle('tool', `eyJhbGciOiJub25lIn0.${make('web token')}.c2lnbmF0dXJl`)
  shell(`PGPASSWORD=${make('assignment in a shell')} true; true --password '${make('option in a shell')} and more'`)
  shell(`: -d '{"client_secret":"${make('JSON in a shell')}"}' -H "Cookie: sid=${make('cookie in a shell')}"`)
  const env = { DB_PASSWORD: make('environment'), ANYTHING: make('environment, any name'), PATH: '/usr/bin:/bin' }
  spawnSync('/bin/true', ['with-an-environment'], { env })
  idle('sealwatch', 'events', '--token', make('option of our own'))
  // An alert: the arguments of the parent are told from memory.
  shell(`cat /etc/shadow >/dev/null; true --token ${make('arguments of an alert')}`)
}

/** Requests that no listener expects. */
export async function speakToListeners(platform: Platform, { make }: Planting): Promise<void> {
  for (const [name, stem] of Object.entries(await healthOf(platform)))
    for (const path of ['/metrics', '/readyz', '/nothing'])
      await fetch(`${stem}${path}?token=${make(`${name} ${path} query`)}`, {
        headers: headersOf(make, `${name} ${path}`),
      })
  const api = await apiOf(platform)
  for (const path of ['/api/v1/tokens', '/auth/callback', '/nothing', '/api/v1/%'])
    for (const method of ['GET', 'POST']) {
      const place = `API, ${method} ${path}`
      await fetch(`${api}${path}?code=${make(`${place}: query`)}&password=${make(`${place}: password`)}`, {
        method,
        headers: {
          ...headersOf(make, place),
          cookie: `__Host-sealwatch=${make(`${place}: session`)}`,
          'content-type': 'application/json',
          'sealwatch-csrf': make(`${place}: CSRF`),
          'idempotency-key': make(`${place}: key`),
        },
        ...(method === 'POST' ? { body: `{"token":"${make(`${place}: body`)}"` } : {}),
        redirect: 'manual',
      })
    }
  const session = connectHttp2(`https://127.0.0.1:${platform.port}`, { rejectUnauthorized: false })
  session.on('error', () => undefined)
  for (const type of ['application/json', 'application/proto', 'text/plain']) {
    const place = `agent port, ${type}`
    const stream = session.request({
      ':method': 'POST',
      ':path': `/sealwatch.agent.v1.AgentService/Register?key=${make(`${place}: query`)}`,
      'content-type': type,
      ...headersOf(make, place),
    })
    stream.on('error', () => undefined).resume()
    stream.end(`{"agentVersion":"${make(`${place}: body`)}","password":${make(`${place}: not JSON`)}`)
    await once(stream, 'close')
  }
  session.destroy()
  for (const method of ['CreateJoinToken', 'ListEvents', 'Export', 'Nothing'])
    await askSocket(join(platform.run, 'server/api.sock'), method, make)
}

const headersOf = (make: Make, place: string): Record<string, string> => ({
  authorization: `Bearer ${make(`${place}: authorization`)}`,
  cookie: `sid=${make(`${place}: cookie`)}`,
  'x-api-key': make(`${place}: API key`),
})

async function askSocket(socketPath: string, method: string, make: Make): Promise<void> {
  const place = `control socket, ${method}`
  const headers = { 'content-type': 'application/json', 'connect-protocol-version': '1', ...headersOf(make, place) }
  const call = request({ socketPath, method: 'POST', path: `/sealwatch.api.v1.AdminService/${method}`, headers })
  call.end(`{"tenant":"${make(`${place}: tenant`)}","ttlSeconds":"${make(`${place}: number`)}"}`)
  const [response] = (await once(call, 'response')) as [NodeJS.ReadableStream]
  response.resume()
  await once(response, 'end')
}

type Health = { readonly server: string; readonly agent: string }

/** Stems of the URLs of /healthz, /readyz and /metrics. */
export async function healthOf(platform: Platform): Promise<Health> {
  const { stdout } = await platform.sealwatch('status', '--json')
  const { server, agent } = JSON.parse(stdout) as { server: { health: string }; agent: { health: string } }
  return { server: server.health, agent: agent.health }
}

async function apiOf(platform: Platform): Promise<string> {
  const { stdout } = await platform.sealwatch('status', '--json')
  return (JSON.parse(stdout) as { server: { api: string } }).server.api
}

/** A host that presents a join token which nobody gave out, and whose batches are garbage. */
export async function joinBadly(platform: Platform, own: string, planting: Planting): Promise<void> {
  const { make } = planting
  const invited = await platform.sealwatch('host', 'invite', '--json')
  const { token } = JSON.parse(invited.stdout) as { token: string }
  const [, text = '', pin = ''] = /^swj_([^.]+)\.(.+)$/.exec(token) ?? []
  const unknown = randomBytes(32).toString('base64url')
  planting.know('join token', text)
  planting.know('join token that nobody gave out', unknown)
  spawnSync('/bin/true', [token, `swj_${unknown}.${pin}`])

  const url = `https://127.0.0.1:${platform.port}`
  const common = { clock: systemClock, disk: systemDisk, random: systemRandom }
  const facts = { ...(await readHostFacts()), hostname: 'planter', machineId: 'planter' }
  const signer = generateSigner()
  const enrol = async (name: string, given: string) => {
    const tokenFile = join(own, `${name}.token`)
    await writeFile(tokenFile, given)
    const signal = AbortSignal.timeout(2_000)
    const log = createLog('planter', () => undefined, systemClock.nowMs)
    const files = { tokenFile, identityFile: join(own, `${name}.identity`) }
    return openIdentity({ url, ...common, ...files, facts, signer, log, signal })
  }
  const identity = await enrol('good', token)
  if (identity === undefined) throw new Error('the planter could not enrol')
  await enrol('bad', `swj_${unknown}.${pin}`).catch(() => undefined)

  const connection = connectAgent(url, identity.current.authorityPem, identity.current)
  const about = { agentProtoVersion: protocol.version, agentVersion: '0', capabilities: [], facts }
  for (const [name, change] of Object.entries(garblings)) {
    const sizes = { segmentBytesMax: 1 << 20, totalBytesMax: 1 << 26 }
    const chain = await openChain({ dir: join(own, name), tenant: 'default', signer, ...common, ...sizes })
    const message = change === asSealed ? 'admitted' : make(`line: ${name}`)
    const event = { message, actor: { user: { name: make(`person: ${name}`) } } }
    await chain.seal([{ event, personalPointers: ['/event/actor/user/name'], timeNs: systemClock.nowNs() }])
    const sealed = await chain.readBatch(0)
    await chain.close()
    if (sealed === undefined) throw new Error('the planter sealed nothing')
    const { chain: id, count } = sealed
    const lines = Buffer.from(change(Buffer.from(sealed.lines).toString()))
    const values = Buffer.from(`{"/event/actor/user/name":{"value":"${make(`values: ${name}`)}"`)
    const batch = { chain: id, firstSeq: 0n, count, lines, side: [{ seq: 1n, values }] }
    const position = { chain: id, tenant: 'default', nextSeq: BigInt(count), tip: new Uint8Array() }
    await connection.client.register({ ...about, chains: [position] })
    async function* once() {
      yield batch
    }
    try {
      for await (const _ of connection.client.ship(once(), { signal: AbortSignal.timeout(5_000) })) break
    } catch {
      // What is refused may end the stream.
    }
  }
  connection.close()
}

const asSealed = (lines: string): string => lines

/** Batches of a registered host, each out of order in its own way: the lines are parsed, and told about. */
const garblings: Readonly<Record<string, (lines: string) => string>> = {
  'no JSON': (lines) => lines.replace('{"actor"', '{actor"'),
  'not canonical': (lines) => lines.replace('{"actor"', '{ "actor"'),
  'no line': (lines) => lines.replace('"event":{', '"thing":{'),
  'no object': (lines) => lines.replace(/^.*"event".*$/m, (line) => JSON.stringify(line)),
  'values that are garbage': asSealed,
  'another signature': (lines) => lines.replace('"message":"', '"message":"x'),
}

/** Servers that are given the secrets of a signer and cannot start; what they say is what would be in their log. */
export async function failToStart(own: string, { make }: Planting, root: string): Promise<string> {
  const pinFile = join(own, 'pin')
  await writeFile(pinFile, make('PIN'))
  const wrong: readonly Record<string, string>[] = [
    { AUDIT_SIGNING_ALG: 'ed25519', AUDIT_SIGNING_PRIVATE_KEY: make('private key that is none') },
    { AUDIT_SIGNING_ALG: 'no-such', AUDIT_SIGNING_KEY: make('key beside what is no algorithm') },
    { SIGNING_PROXY_URL: 'https://127.0.0.1:1', SIGNING_PROXY_API_KEY: make('API key of a proxy') },
    {
      AUDIT_SIGNING_PKCS11_MODULE: '/nowhere/pkcs11.so',
      AUDIT_SIGNING_PKCS11_TOKEN: 't',
      AUDIT_SIGNING_PKCS11_KEY: 'k',
      AUDIT_SIGNING_PKCS11_PIN_FILE: pinFile,
    },
  ]
  const dirs = { SEALWATCH_SERVER_DATA_DIR: join(own, 'data'), SEALWATCH_SERVER_RUN_DIR: join(own, 'run') }
  const said = wrong.map((env) => {
    const argv = ['--disable-warning=ExperimentalWarning', join(root, 'apps/server/src/main.ts')]
    const { status, stdout, stderr } = spawnSync(process.execPath, argv, { env: { ...env, ...dirs }, encoding: 'utf8' })
    if (status !== 1) throw new Error(`a server that should not start ended with ${status}`)
    return stdout + stderr
  })
  return said.join('')
}
