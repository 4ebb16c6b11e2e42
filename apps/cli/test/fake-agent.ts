// SPDX-License-Identifier: Apache-2.0
// Stands in for the agent: without identity until a join token lies in its folder, then registered.

import { existsSync, readFileSync, renameSync, rmSync, watch, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'

const { SEALWATCH_AGENT_DATA_DIR: data = '', SEALWATCH_AGENT_RUN_DIR: run = '' } = process.env
const identity = join(data, 'identity')
const token = join(data, 'join-token')

const site = { attached: true, reason: '', produced: '5', dropped: '0', sent: '5', shed: '0' }
function write(state: string) {
  const hostId = state === 'registered' ? 'h1' : null
  const modes = { process: 'ebpf', file: 'ebpf', network: 'none' }
  const sensor = {
    connected: true,
    version: '0',
    era: 'e',
    kernel: '6.1',
    modes,
    unseen: [],
    sites: { exec: site, exit: site },
  }
  const chains = [{ chain: 'c'.repeat(32), tenant: 'default', toSeal: 0, nextSeq: 9, acknowledged: 7 }]
  const status = {
    time: '2026-01-01T00:00:00Z',
    pid: process.pid,
    state,
    hostId,
    sensor,
    chains,
    gaps: 0,
    health: 'http://127.0.0.1:7',
  }
  writeFileSync(join(run, 'status.new'), JSON.stringify(status))
  renameSync(join(run, 'status.new'), join(run, 'status.json'))
}

function enrol() {
  if (!existsSync(token) || readFileSync(token, 'utf8') !== 'one-time') return
  writeFileSync(identity, 'h1')
  rmSync(token)
  write('registered')
}

if (existsSync(identity)) write('registered')
else {
  watch(data, enrol)
  write('unenrolled')
}
process.on('SIGTERM', () => process.exit(0))
watch(run, () => undefined)
