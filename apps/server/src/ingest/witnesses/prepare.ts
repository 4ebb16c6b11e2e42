// SPDX-License-Identifier: Apache-2.0

import type { Clock, Log } from '@sealwatch/base'
import type { Health } from '@sealwatch/base/health'
import { createOutgoing, type Outgoing } from '@sealwatch/base/outgoing'
import type { Policy } from '@sealwatch/ledger'
import type { ServerVoice } from '../../identity/index.ts'
import type { Outbox, Store } from '../../store/index.ts'
import type { LedgersOptions, RootLog } from '../ledgers.ts'
import { createSplitViewAlarm } from './alarm.ts'
import { answerBytesMax, type WitnessStatus, witnessDeadlineMs } from './client.ts'
import { addWitnessHealth } from './health.ts'
import { createWitnesses, type Witnesses } from './witnesses.ts'

/** The witnesses of a policy, for ledgers that are yet to be opened. */
export type PreparedWitnesses = {
  readonly ledgersOptions: Pick<LedgersOptions, 'cosign'>
  status(): readonly WitnessStatus[]
}

export function prepareWitnesses(of: {
  readonly policy: Policy | undefined
  readonly health: Health
  readonly store: Store
  readonly outbox: Outbox
  readonly voice: ServerVoice
  readonly clock: Clock
  readonly random: () => number
  readonly log: Log
}): PreparedWitnesses {
  const { policy, health, clock, random, log } = of
  if (policy === undefined) return { ledgersOptions: {}, status: () => [] }
  const onSplitView = createSplitViewAlarm(of)
  const call = callWitnesses(policy, clock)
  let witnesses: Witnesses | undefined
  const cosign = ({ key, consistency }: RootLog) => {
    witnesses = createWitnesses({ policy, logKeys: [key], consistency, call, clock, random, log, onSplitView })
    addWitnessHealth(health, witnesses)
    return witnesses.cosign
  }
  return { ledgersOptions: { cosign }, status: () => witnesses?.status() ?? [] }
}

/** To the witnesses of the policy, and to nobody else. */
export function callWitnesses({ witnesses }: Policy, clock: Clock): Outgoing {
  const origins = new Set(witnesses.flatMap(({ url }) => URL.parse(url ?? '')?.origin ?? []))
  return createOutgoing({ what: 'a witness', origins, timeoutMs: witnessDeadlineMs, answerBytesMax, clock })
}
