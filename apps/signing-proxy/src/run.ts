// SPDX-License-Identifier: Apache-2.0

import { join } from 'node:path'
import { type Clock, type ConfigOf, type Disk, type Hardening, type Log, makeDirectory } from '@sealwatch/base'
import { createHealth, type Health, listenForHealth, showHardening } from '@sealwatch/base/health'
import {
  type AuditSigner,
  admitSigner,
  keepPublicHalf,
  loadOrCreateSigner,
  type PreparedSigner,
  proveSigner,
} from '@sealwatch/keys'
import { createAnswering, type SigningProxy } from './answer.ts'
import { type Audit, openAudit } from './audit.ts'
import type { Caller } from './callers.ts'
import type { signingProxySettings } from './config.ts'
import { listen, type TlsFiles } from './listen.ts'
import { createRate } from './rate.ts'

export type ProxyOptions = {
  readonly config: ConfigOf<typeof signingProxySettings>
  readonly version: string
  readonly hardening: Hardening
  readonly open: PreparedSigner
  /** Id of the key that may take the place of the recorded one. */
  readonly successor: string | undefined
  readonly callers: readonly Caller[]
  readonly tls: TlsFiles | undefined
  readonly clock: Clock
  readonly disk: Disk
  readonly log: Log
  readonly signal: AbortSignal
}

const MiB = 1024 * 1024
const probe = { everyMs: 30_000, deadlineMs: 5_000 } as const

/** Proves the signer, opens the audit chain, and serves until the signal fires. */
export async function runProxy(options: ProxyOptions): Promise<void> {
  const { config, version, open, successor, callers, tls, clock, disk, log, signal } = options
  const { dataDir, host, port } = config
  await makeDirectory(dataDir)
  const signer = await open(signal)
  await proveSigner(signer, signal)
  await admitSigner({ path: join(dataDir, 'signers.json'), disk, nowNs: clock.nowNs() }, signer, successor)
  const auditKey = await loadOrCreateSigner(join(dataDir, 'host.key'), disk)
  await keepPublicHalf(join(dataDir, 'host.key'), auditKey, disk)
  const bytesMax = config.maxAuditLogSizeMb * MiB
  const audit = await openAudit({ dir: dataDir, signer: auditKey, version, bytesMax, clock, disk })
  if (audit.chain.replacesDamaged) log.critical('the audit chain was damaged; it was set aside, and a new one begun')
  const health = createHealth({ component: 'signing-proxy', version, clock, log })
  showHardening(health, options.hardening)
  const counters = { signed: 0, verified: 0, refused: 0, failed: 0, unauthenticated: 0 }
  addHealth(health, { signer, audit, bytesMax, counters })
  const healthListener = await listenForHealth(health, {
    address: config.healthAddress,
    port: config.healthPort,
    hosts: config.healthHosts,
  })
  const rate = createRate(clock)
  const proxy: SigningProxy = {
    signer,
    audit,
    callers,
    rate,
    readiness: health.readiness,
    counters,
    log,
    // A signature that is under way when we stop is finished and recorded.
    signal: new AbortController().signal,
  }
  const listener = await listen({ host, port, tls }, createAnswering(proxy))
  const { backend, algorithm, keyId, location } = signer
  const where = { url: listener.url, health: healthListener.url }
  log.info('serving', { ...where, backend, algorithm, keyId, location, auditKeyId: auditKey.keyId })
  // Rejects when the disk has failed: what is on record is then unknown, and the proxy ends.
  await audit.keepEpochs(signal)
  log.info('stopping', { cause: String(signal.reason) })
  await listener.close()
  await audit.close()
  await signer.close()
  await healthListener.close()
}

function addHealth(
  health: Health,
  of: {
    readonly signer: AuditSigner
    readonly audit: Audit
    readonly bytesMax: number
    readonly counters: SigningProxy['counters']
  },
): void {
  const { signer, audit, bytesMax, counters } = of
  const ask = async (signal: AbortSignal) => {
    await signer.probe(signal)
    return undefined
  }
  health.probe({ ...probe, name: `signer-${signer.backend}`, check: ask })
  health.probe({
    name: 'audit',
    check: async () => {
      if (audit.chain.bytes >= bytesMax) throw new Error('the audit chain is full: nothing is signed')
      return undefined
    },
  })
  // LOG-3: 80 and 95 of a hundred.
  health.show('audit', () => {
    const used = audit.chain.bytes / bytesMax
    return { level: used >= 0.95 ? 'critical' : used >= 0.8 ? 'warning' : 'ok', bytes: audit.chain.bytes, bytesMax }
  })
  for (const outcome of Object.keys(counters) as (keyof SigningProxy['counters'])[])
    health.metrics.counter(
      { name: `sealwatch_signing_proxy_${outcome}_total`, help: `Requests ${outcome} since the start` },
      () => counters[outcome],
    )
}
