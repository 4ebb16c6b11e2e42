// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base'

export const ingestErrors = {
  INGEST_UNKNOWN_CHAIN: {
    kind: 'denied',
    rule: 'a host ships the chains that it registered itself',
    advice: 'Register the chain first; a chain of another host is never accepted',
  },
  INGEST_GAP: {
    kind: 'conflict',
    rule: 'a batch starts where the last one of its chain ended',
    advice: 'Ship again from the expected line',
  },
  INGEST_FORKED: {
    kind: 'conflict',
    rule: 'a line that was accepted once cannot be another one later',
    advice: 'The host was rolled back or its chain rewritten: keep its files as evidence and begin a new chain',
  },
  INGEST_MALFORMED: {
    kind: 'invalid',
    rule: 'a batch names its chain, its first line and how many whole lines it holds, within the limits of the protocol',
    advice: 'Upgrade the agent, or find out who else speaks on its behalf',
  },
  TENANT_LIMITED: {
    kind: 'exhausted',
    rule: 'the hosts of a tenant ship no more lines a second than it may',
    advice:
      'Nothing is lost: they keep their logs and ship them later. A cluster admin sets the limit: `sealwatch tenant limit`',
  },
  INDEX_THREAD_ENDED: {
    kind: 'fatal',
    rule: 'the thread that writes the index lives as long as the server',
    advice:
      'Start the server again, as `up` does by itself: nothing is lost, what the index lacks is read from the ledgers. If the thread ends again, look at the memory of the machine, and remove entries.sqlite while the server is down: it is made anew',
  },
} as const satisfies ErrorTable
export const ingestError = errorsOf(ingestErrors)
