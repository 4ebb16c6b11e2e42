// SPDX-License-Identifier: Apache-2.0

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'

export const noPrometheus: string | undefined =
  spawnSync('prometheus', ['--version']).status === 0 ? undefined : 'apt-get install prometheus'

const rules = join(import.meta.dirname, '../../deploy/prometheus/sealwatch.rules.yml')
const giveUpMs = 60_000

export type Alert = {
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly state: 'pending' | 'firing'
}

export type Prometheus = AsyncDisposable & {
  alerts(): Promise<readonly Alert[]>
  readonly url: string
  /** Once it is there. */
  alert(fits: (alert: Alert) => boolean): Promise<Alert>
  /** Resolves when each target was read once more, and well. */
  read(): Promise<void>
}

/** A real one, which reads `target` (host and port) every second and judges by the rules that we hand out, unless told. */
export async function startPrometheus(target: string, ruleFile = rules): Promise<Prometheus> {
  const dir = mkdtempSync(join(tmpdir(), 'sealwatch-prometheus-'))
  const config = {
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: [ruleFile],
    scrape_configs: [{ job_name: 'sealwatch-server', static_configs: [{ targets: [target] }] }],
  }
  writeFileSync(join(dir, 'prometheus.yml'), JSON.stringify(config))
  const address = `127.0.0.1:${await freePort()}`
  const child = spawn(
    'prometheus',
    [
      `--config.file=${join(dir, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(dir, 'data')}`,
      `--web.listen-address=${address}`,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  const ended = once(child, 'close')

  async function ask<T>(path: string): Promise<T | undefined> {
    try {
      const answer = await fetch(`http://${address}/api/v1/${path}`)
      return answer.ok ? ((await answer.json()) as { data: T }).data : undefined
    } catch {
      return undefined
    }
  }

  /** Prometheus tells nobody what it saw: it is asked until it says it. */
  async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
    const from = performance.now()
    for (;;) {
      const found = await look()
      if (found !== undefined) return found
      if (child.exitCode !== null || performance.now() - from > giveUpMs)
        throw new Error(`Prometheus does not say: ${what}; ${said}`)
      await setTimeout(100)
    }
  }

  type Target = { readonly health: string; readonly lastScrape: string; readonly lastError: string }
  const scraped = async () => {
    const targets = (await ask<{ activeTargets: Target[] }>('targets'))?.activeTargets ?? []
    return targets.length > 0 && targets.every(({ health }) => health === 'up') ? targets[0]?.lastScrape : undefined
  }
  const alerts = async () => (await ask<{ alerts: Alert[] }>('alerts'))?.alerts ?? []
  return {
    url: `http://${address}`,
    alerts,
    alert: (fits) => until('the alert', async () => (await alerts()).find(fits)),
    read: async () => {
      const before = await scraped()
      await until('a reading', async () => {
        const at = await scraped()
        return at === before ? undefined : at
      })
    },
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM')
      await ended
      rmSync(dir, { recursive: true })
    },
  }
}

/** Prometheus does not say which one it chose. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}
