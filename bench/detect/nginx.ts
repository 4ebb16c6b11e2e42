// SPDX-License-Identifier: Apache-2.0

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import type { RequestContext } from '@sealwatch/detect/request'
import { cpuSecondsOf } from '../child.ts'
import { configurationOf, debianRules } from '../peers/modsecurity.ts'
import type { Contender, Outcome } from './contender.ts'

const connector = '/usr/lib/nginx/modules/ngx_http_modsecurity_module.so'

/**
 * nginx with ModSecurity's connector and the Core Rule Set, one process, asked over one standing connection. Its time is that
 * of the whole answer; its processor time is all that it takes, HTTP included.
 */
export async function openNginx(): Promise<Contender | undefined> {
  const set = debianRules(1)
  if (![connector, set.rules, set.setup].every(existsSync)) {
    console.error('SKIPPED: nginx: apt-get install nginx-light libnginx-mod-http-modsecurity modsecurity-crs')
    return undefined
  }
  const folder = mkdtempSync(join(tmpdir(), 'nginx-'))
  const socket = join(folder, 'socket')
  const rules = configurationOf(set, folder, 'On')
  writeFileSync(join(folder, 'rules.conf'), rules.map((path) => `Include ${path}\n`).join(''))
  writeFileSync(join(folder, 'nginx.conf'), configuration(folder))
  const child = spawn('nginx', ['-c', join(folder, 'nginx.conf'), '-e', join(folder, 'errors')], { stdio: 'ignore' })
  const pid = child.pid as number
  const ended = once(child, 'exit')
  while (!existsSync(socket) && child.exitCode === null) await after(20)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  return {
    name: 'nginx and ModSecurity, core rules',
    learns: false,
    peakMb: () => (Number(/VmHWM:\s*(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1_024) / 1e6,
    async turn(contexts) {
      const before = cpuSecondsOf(pid)
      const outcomes: Outcome[] = []
      for (const context of contexts) outcomes.push(await answered(context, socket, agent))
      return { outcomes, cpuUs: (cpuSecondsOf(pid) - before) * 1e6 }
    },
    async end() {
      agent.destroy()
      child.kill()
      await ended
      rmSync(folder, { recursive: true })
    },
  }
}

const configuration = (folder: string) => `load_module ${connector};
daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/errors emerg;
events {}
http {
  access_log off; keepalive_requests 1000000; large_client_header_buffers 8 256k; client_max_body_size 200m;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  modsecurity on; modsecurity_rules_file ${folder}/rules.conf;
  server { listen unix:${folder}/socket; location / { proxy_pass http://unix:${folder}/behind; } }
  server { listen unix:${folder}/behind; modsecurity off; location / { return 204; } }
}
`

/** Refused by a rule is found; what HTTP itself does not carry cannot be asked. */
async function answered({ method, path, query, headers, body }: RequestContext, socketPath: string, agent: Agent) {
  const target = (query === '' ? path : `${path}?${query}`).replace(/[^!-~]/g, (char) => `%${hex(char)}`)
  const kept = headers.filter(([name]) => !/^(?:content-length|transfer-encoding|connection|expect)$/i.test(name))
  if (body.length > 0) kept.push(['Content-Length', String(body.length)])
  const startMs = performance.now()
  const status = await new Promise<number>((resolve) => {
    try {
      const asked = request({ socketPath, agent, method, path: target, headers: kept.flat() }, (answer) => {
        answer.resume()
        answer.on('end', () => resolve(answer.statusCode ?? 0))
      })
      asked.on('error', () => resolve(0))
      asked.end(body)
    } catch {
      resolve(0)
    }
  })
  const isFound = status === 403
  return { us: (performance.now() - startMs) * 1_000, isFound, score: isFound ? 1 : 0 }
}

const hex = (char: string) => char.charCodeAt(0).toString(16).padStart(2, '0')
