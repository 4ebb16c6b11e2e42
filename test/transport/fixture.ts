// SPDX-License-Identifier: Apache-2.0
// A real server port with the real agent's side against it, over TLS on the loopback; only the ingest is a fake.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type Clock, createLog, type SealwatchError, systemClock, systemDisk } from '@sealwatch/base'
import { type OcsfDevice, protocol, type ShipRequest } from '@sealwatch/contract'
import { type Ed25519Signer, generateSigner } from '@sealwatch/keys'
import { type Chain, type Draft, leafHash, openChain, parseLine, sha256, splitLines } from '@sealwatch/ledger'
import { type AgentConnection, connectAgent } from '../../apps/agent/src/ship/client.ts'
import { enrol } from '../../apps/agent/src/ship/enrol.ts'
import { type EnrolOptions, type IdentityKeeper, openIdentity, ship } from '../../apps/agent/src/ship/index.ts'
import { openIdentity as openServerIdentity } from '../../apps/server/src/identity/index.ts'
import { openTransport, type Transport } from '../../apps/server/src/ingest/transport.ts'
import type { IngestPort, Outcome } from '../../apps/server/src/ingest/transport/ingest-port.ts'
import { createOutbox, openStore } from '../../apps/server/src/store/index.ts'

export type LogLine = { readonly level: string; readonly msg: string; readonly error?: { readonly code?: string } }

/** Log that tests read; waits for what is not there yet. */
export function recordingLog(clock: Clock) {
  const lines: LogLine[] = []
  const waiters: (() => void)[] = []
  const write = (line: string) => {
    lines.push(JSON.parse(line) as LogLine)
    for (const wake of waiters.splice(0)) wake()
  }
  return {
    lines,
    log: createLog('test', write, clock.nowMs),
    until: async (fits: (line: LogLine) => boolean): Promise<LogLine> => {
      for (;;) {
        const found = lines.find(fits)
        if (found !== undefined) return found
        await new Promise<void>((resolve) => waiters.push(resolve))
      }
    },
  }
}
