// SPDX-License-Identifier: Apache-2.0
// Stands in for the server: answers on the control socket, and exits at once when its folder holds `die`. Its ledger
// holds as many events as it has had lives.

import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import process from 'node:process'
import { Code, ConnectError } from '@connectrpc/connect'
import { connectNodeAdapter } from '@connectrpc/connect-node'
import { AdminService, type ExportRequest } from '@sealwatch/contract'

const { SEALWATCH_SERVER_DATA_DIR: data = '', SEALWATCH_SERVER_RUN_DIR: run = '' } = process.env
if (existsSync(join(data, 'die'))) {
  console.error(JSON.stringify({ level: 'critical', msg: 'told to die' }))
  process.exit(7)
}

const livesFile = join(data, 'lives')
const lives = existsSync(livesFile) ? Number(readFileSync(livesFile, 'utf8')) + 1 : 1
writeFileSync(livesFile, String(lives))

async function* list({ follow }: { follow: boolean }, { signal }: { signal: AbortSignal }) {
  for (let leaf = 0; leaf < lives; leaf++) {
    const event = {
      time: 0,
      severity: 'Low',
      class_name: 'Process Activity',
      activity_name: 'Launch',
      message: `event ${leaf}`,
    }
    const line = Buffer.from(JSON.stringify({ chain: 'c', seq: leaf, time: '2026-01-01T00:00:00.000000000Z', event }))
    yield { tenant: 'default', leafIndex: BigInt(leaf), line }
  }
  if (follow) await new Promise((resolve) => signal.addEventListener('abort', resolve))
}

/** As the api of the server does. */
const notFound = (received: string) => {
  const parts = {
    code: 'API_NOT_FOUND',
    kind: 'not_found',
    rule: 'r',
    received: JSON.stringify(received),
    advice: 'Look',
  }
  const told = encodeURIComponent(JSON.stringify(parts))
  return new ConnectError('API_NOT_FOUND while exporting: r', Code.NotFound, { 'sealwatch-error': told })
}

async function* bundle({ what }: ExportRequest) {
  if (what.case === 'alert') throw notFound(what.value)
  yield { data: Buffer.from('{"bundle":'), linesDone: 1n, linesTotal: 2n }
  if (existsSync(join(data, 'break'))) throw new Error('the disk broke')
  yield { data: Buffer.from('{}}\n'), linesDone: 2n, linesTotal: 2n }
}

async function* rewrapped() {
  yield { epoch: 2, done: 0, total: 3 }
  yield { epoch: 2, done: 3, total: 3 }
}

const keys = JSON.stringify({
  epoch: 2,
  epochs: [
    { epoch: 1, kind: 'local', keyId: '', createdAt: '2026-01-01T00:00:00Z', retiredAt: null, tenantKeys: 3 },
    { epoch: 2, kind: 'kms', keyId: 'arn:x', createdAt: '2026-01-02T00:00:00Z', retiredAt: null, tenantKeys: 1 },
  ],
  toRewrap: 3,
  subjectKeys: 5,
  cached: 4,
  memory: 'secret',
})

const status = JSON.stringify({
  time: '2026-01-01T00:00:00Z',
  deployment: 'd1',
  health: 'http://127.0.0.1:8',
  agents: { address: '192.0.2.10', port: 7443 },
  trust: { deployment: 'd1', ledgerKeys: ['d1+00000000+AAAA'], caFingerprint: '00' },
  ledgers: [{ tenant: 'default', size: 3, signedSize: 3, root: 'ab'.repeat(32), checkpoint: 'note' }],
  hosts: [{ hostId: 'h1', hostname: 'here', connected: true, lastSeen: null, certificateExpires: null }],
  chains: [],
  ingest: { received: 3, admitted: 3, quarantined: 0, refused: 0, duplicate: 0 },
  gaps: 0,
  signing: {
    publishedSize: 2,
    publishedAt: null,
    quorum: 'none',
    problem: null,
    signer: { configured: false, backend: 'file', algorithm: 'ed25519', keyId: 'ab'.repeat(32), location: 'file:/k' },
    witnesses: [],
  },
})

const handler = connectNodeAdapter({
  routes: (router) =>
    router.service(AdminService, {
      getStatus: () => ({ status }),
      createJoinToken: ({ tenant }) => ({
        token: tenant === 'default' ? 'one-time' : `one-time-${tenant}`,
        expiresAt: '2026-01-01T00:00:00Z',
      }),
      listEvents: list,
      export: bundle,
      getKeys: () => ({ keys }),
      rotateKeys: rewrapped,
      rewrapKeys: rewrapped,
      eraseSubject: ({ tenant, subject }) => ({
        leafIndex: 7n,
        label: `${tenant}.${subject.case}.${subject.value}`,
        subjectKeys: subject.value === 'nobody' ? 0 : 2,
        firstLayout: subject.value === 'alice',
      }),
    }),
})
const socket = join(run, 'api.sock')
rmSync(socket, { force: true })
createServer(handler).listen(socket)
process.on('SIGTERM', () => process.exit(0))
