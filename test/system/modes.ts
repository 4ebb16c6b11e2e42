// SPDX-License-Identifier: Apache-2.0
// What the documentation promises of each mode of the sensor (docs/fallbacks.md), and what holds in all of them.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { eventually, type Platform } from './platform.ts'

type Finding = {
  readonly finding_info: { readonly uid: string; readonly title: string }
  readonly actor: { readonly process?: { readonly pid: number; readonly file?: { path: string } } }
  readonly evidences: readonly { readonly file?: { path: string } }[]
}
type Health = {
  readonly status: string
  readonly blind_spots: { readonly unseen: readonly string[] }
  readonly [mode: `${string}_monitor_mode`]: string
}
type Row = { readonly name: string; readonly ok: boolean; readonly unseen?: boolean; readonly detail: string }

const ofBpfAlone = [
  ...['datagram', 'socket'],
  'bpf',
  'credentials',
  'executable',
  'mem',
  'mount',
  'namespaces',
  'passed',
  'perf_event_open',
  'process_vm_readv',
  'process_vm_writev',
  'reach',
  'refused',
  'signal_generate',
  'sysctl',
]

/** `unseen` are the acts of doctor that nobody sees. */
export type Watched = {
  readonly name: string
  readonly env: Readonly<Record<string, string>>
  readonly modes: Readonly<Record<'process' | 'file' | 'network', string>>
  /** Of who opens a watched file. */
  readonly saysWho: boolean
  readonly unseen: readonly string[]
}

/** Without BPF. */
export const withoutBpf: readonly Watched[] = [
  {
    name: 'proc_connector, fanotify and sock_diag',
    env: {
      SEALWATCH_SENSOR_PROCESSES: 'proc_connector',
      SEALWATCH_SENSOR_FILES: 'fanotify',
      SEALWATCH_SENSOR_NETWORK: 'sock_diag',
    },
    modes: { process: 'proc_connector', file: 'fanotify', network: 'sock_diag' },
    saysWho: true,
    unseen: ofBpfAlone,
  },
  {
    name: 'polling',
    env: {
      SEALWATCH_SENSOR_PROCESSES: 'polling',
      SEALWATCH_SENSOR_FILES: 'polling',
      SEALWATCH_SENSOR_NETWORK: 'polling',
    },
    modes: { process: 'polling', file: 'polling', network: 'polling' },
    saysWho: false,
    unseen: [...ofBpfAlone, 'fork', 'ptrace', 'task_rename'],
  },
]

/** BPF watches all but the network. */
export const besideBpf: Watched = {
  name: 'BPF but for sockets',
  env: { SEALWATCH_SENSOR_NETWORK: 'sock_diag' },
  modes: { process: 'ebpf', file: 'ebpf', network: 'sock_diag' },
  saysWho: true,
  unseen: ['datagram', 'socket'],
}

/** The line from a kernel event to a proven alert. */
export function testTheLine(started: () => Platform, { modes, saysWho, unseen }: Watched): void {
  test('AGT-2 /healthz, status and the metrics name the modes, and what nobody sees', async () => {
    const status = JSON.parse((await started().sealwatch('status', '--json')).stdout)
    assert.deepEqual(status.sensor.modes, modes)
    assert.equal(status.warnings.filter((text: string) => text.includes('docs/fallbacks.md')).length, 1)
    const health = (await (await fetch(`${status.agent.health}/healthz`)).json()) as Health
    for (const domain of ['process', 'file', 'network'] as const)
      assert.equal(health[`${domain}_monitor_mode`], modes[domain])
    assert.equal(health.status, 'warning')
    assert.deepEqual(health.blind_spots.unseen, status.sensor.unseen)
    const host = await eventually('the host to be told with its modes', async () => {
      const listed = await started().sealwatch('host', 'list', '--json')
      type Host = {
        readonly sensor: { readonly modes: unknown; readonly unseen: unknown }
        readonly posture: { readonly settings: readonly { readonly name: string; readonly value: string | null }[] }
      }
      const { items } = JSON.parse(listed.stdout) as { items: Host[] }
      return items[0]?.sensor.modes === null ? undefined : items[0]
    })
    assert.deepEqual([host.sensor.modes, host.sensor.unseen], [modes, status.sensor.unseen])
    // RIM-1: how its kernel protects itself.
    const randomised = host.posture.settings.find(({ name }) => name === 'kernel/randomize_va_space')
    assert.equal(randomised?.value, readFileSync('/proc/sys/kernel/randomize_va_space', 'utf8').trim())
    const metrics = await (await fetch(`${status.agent.health}/metrics`)).text()
    assert.match(metrics, new RegExp(`^sealwatch_sensor_mode\\{domain="file",mode="${modes.file}"\\} 1$`, 'm'))
  })

  test('AGT-1 AGT-2 reading the password hashes raises one alert that says who, and is proven', async () => {
    // It stays for a while: of what ends at once its number is known, and what is remembered.
    const reader = spawn('/bin/sh', ['-c', 'read -r _ < /etc/shadow; read -r _'], {
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    const alerts = await eventually(`an alert about pid ${reader.pid}`, async () => {
      const { stdout } = await started().sealwatch('alerts', '--json')
      const all = stdout.split('\n').filter((line) => line !== '')
      const found = all
        .map((line) => JSON.parse(line) as Finding)
        .filter(({ actor, evidences }) =>
          saysWho ? actor.process?.pid === reader.pid : evidences[0]?.file?.path === '/etc/shadow',
        )
      return found.length > 0 ? found : undefined
    })
    const ended = once(reader, 'exit')
    reader.stdin.end()
    await ended
    const [alert, ...others] = alerts
    // By the others, who are nobody: anybody else on the machine.
    if (saysWho) assert.deepEqual(others, [])
    if (saysWho) assert.equal(alert?.actor.process?.file?.path, '/usr/bin/dash')
    assert.equal(alert?.evidences[0]?.file?.path, '/etc/shadow')
  })

  test('AGT-2 doctor finds everything that the mode promises, and says what nobody sees', async () => {
    const { code, stdout } = await started().sealwatch('doctor', '--json')
    const { rows } = JSON.parse(stdout) as { rows: Row[] }
    assert.deepEqual(
      rows.filter((row) => !row.ok && !row.unseen),
      [],
    )
    assert.deepEqual(rows.flatMap((row) => (row.unseen ? [row.name] : [])).sort(), [...unseen].sort())
    assert.equal(code, 0)
  })
}
