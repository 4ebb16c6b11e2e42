// SPDX-License-Identifier: Apache-2.0
// Real proxies, set up by what our documents say, in front of a service that says what came through.

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, request } from 'node:http'
import { type AddressInfo, createServer as createListener } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from '../system/platform.ts'

const page = readFileSync(join(import.meta.dirname, '../../docs/middleware.md'), 'utf8')
const blocks = (language: string) =>
  Array.from(page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms')), ([, text = '']) => text)

/** Why there is none of the name here; undefined: there is. */
export const noProxy = (name: ProxyName): string | undefined =>
  spawnSync(name, [name === 'nginx' ? '-v' : 'version']).status === 0 ? undefined : `apt-get install ${name}`

export type ProxyName = 'nginx' | 'caddy'
export type Answer = { readonly status: number; readonly type: string; readonly text: string }
export type Proxied = AsyncDisposable & {
  ask(path: string, more?: { method?: string; headers?: Record<string, string>; body?: string }): Promise<Answer>
}
export type ProxyOptions = {
  /** Of the server that is asked. */
  readonly url: string
  readonly token: string
  /** With what the page says to let requests pass while nobody can be asked. */
  readonly isOpen?: boolean
  /** With what the page says of a site in plain HTTP whose origin is https. */
  readonly isPlain?: boolean
}

export async function startProxy(name: ProxyName, options: ProxyOptions): Promise<Proxied> {
  const dir = mkdtempSync(join(tmpdir(), `sealwatch-${name}-`))
  const service = createServer(async (asked, answer) => {
    const pieces: Buffer[] = []
    for await (const piece of asked) pieces.push(piece as Buffer)
    const { method, url, headers } = asked
    answer.end(JSON.stringify({ method, url, headers, body: Buffer.concat(pieces).toString() }))
  }).listen(0, '127.0.0.1')
  await once(service, 'listening')
  const port = await freePort()
  const config = join(dir, 'config')
  const text = (name === 'nginx' ? nginxText : caddyText)(options, dir, port)
  writeFileSync(
    config,
    text
      .replaceAll('127.0.0.1:7444', new URL(options.url).host.replace('localhost', '127.0.0.1'))
      .replaceAll('swt_…', options.token)
      .replaceAll('127.0.0.1:3000', `127.0.0.1:${(service.address() as AddressInfo).port}`),
  )
  const given =
    name === 'nginx' ? ['-p', dir, '-c', config, '-e', 'stderr'] : ['run', '--adapter', 'caddyfile', '--config', config]
  const child = spawn(name, given, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: process.env.PATH, HOME: dir, XDG_DATA_HOME: dir, XDG_CONFIG_HOME: dir },
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (piece: string) => {
    said = (said + piece).slice(-4_000)
  })
  const ended = once(child, 'close')
  const ask: Proxied['ask'] = (path, { method = 'GET', headers = {}, body } = {}) =>
    asked({ port, path, method, headers, ...(body !== undefined && { body }) })
  const stop = async () => {
    child.kill('SIGTERM')
    await ended
    service.close()
    service.closeAllConnections()
    rmSync(dir, { recursive: true })
  }
  try {
    await eventually(`${name} that answers`, async () => {
      if (child.exitCode !== null) throw new Error(`${name} ended: ${said}`)
      return ask('/').catch(() => undefined)
    })
  } catch (error) {
    await stop()
    throw error
  }
  return { ask, [Symbol.asyncDispose]: stop }
}

function nginxText({ isOpen }: ProxyOptions, dir: string, port: number): string {
  const [server = '', open = ''] = blocks('nginx')
  const ours = 'proxy_set_header X-Forwarded-For $remote_addr;\n'
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((of) => `${of}_temp_path ${dir}/${of};`)
  return `daemon off; master_process off; pid ${dir}/pid;
events { worker_connections 256; }
http {
  access_log off; ${temporary.join(' ')}
  ${server.replace('listen 443 ssl;', `listen 127.0.0.1:${port};`).replace(ours, isOpen === true ? ours + open : ours)}
}`
}

function caddyText({ isPlain }: ProxyOptions, _dir: string, port: number): string {
  const [site = ''] = blocks('caddy')
  const [, off = ''] = /`(header_up -[\w-]+)`/.exec(page) ?? []
  const asking = isPlain === true ? site.replace('header_up Host', `${off}\n\t\theader_up Host`) : site
  return `{\n\tadmin off\n\tauto_https off\n}\n${asking.replace('shop.example', `http://127.0.0.1:${port}`)}`
}

async function freePort(): Promise<number> {
  const listener = createListener().listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as AddressInfo
  listener.close()
  await once(listener, 'close')
  return port
}

type Asking = {
  readonly port: number
  readonly path: string
  readonly method: string
  readonly headers: Record<string, string>
  readonly body?: string
}

async function asked({ body, ...of }: Asking): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  request({ host: '127.0.0.1', agent: false, ...of }, (answer) => {
    const pieces: Buffer[] = []
    answer.on('data', (piece: Buffer) => pieces.push(piece))
    answer.once('error', reject)
    answer.once('end', () =>
      resolve({
        status: answer.statusCode ?? 0,
        type: answer.headers['content-type'] ?? '',
        text: Buffer.concat(pieces).toString(),
      }),
    )
  })
    .once('error', reject)
    .end(body)
  return promise
}
