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
  QUARANTINE_UNKNOWN: {
    kind: 'not_found',
    rule: 'a quarantined item is named by the leaf of its stub',
    advice: 'See `sealwatch quarantine list`',
  },
  QUARANTINE_GONE: {
    kind: 'unverified',
    rule: 'what a stub stands for lies in quarantine, sealed',
    advice:
      'Restore the tenant’s folder in quarantine/ from a backup; `sealwatch audit fsck` lists all that are missing',
  },
  QUARANTINE_ALTERED: {
    kind: 'unverified',
    rule: 'quarantined bytes have the hash by which their stub names them',
    advice: 'The file was changed: restore it from a backup, and keep the altered one as evidence',
  },
  QUARANTINE_FULL: {
    kind: 'exhausted',
    rule: 'what waits in quarantine of a tenant stays below its maximum',
    advice:
      'Nothing is lost: producers keep what is sent back. Find out who sends it (`sealwatch quarantine list`), repair the registry and `sealwatch quarantine replay --yes`, or halt the producer; a server setting raises the maximum (SEALWATCH_SERVER_QUARANTINE_ITEMS)',
  },
  RELEASE_BY_PERSON: {
    kind: 'denied',
    rule: 'what is released without a signature that holds is asked for by one person and approved by another',
    advice: 'Have somebody else approve it: a person who holds quarantine:release, or the operator; a token may not',
  },
  RELEASE_NOT_ASKED: {
    kind: 'conflict',
    rule: 'a release is approved by the id of its request, within 24 hours of it',
    advice:
      'See what was asked for with `sealwatch quarantine show LEAF`, or ask for it: `sealwatch quarantine release LEAF --cause TEXT`',
  },
  RELEASE_PENDING: {
    kind: 'conflict',
    rule: 'what one person asked for nobody else puts another request in the place of while it can be approved',
    advice:
      'Approve it, if you agree: `sealwatch quarantine release LEAF --approve REQUEST`; else turn it down (`--reject REQUEST`)',
  },
  RELEASE_NOT_NEEDED: {
    kind: 'conflict',
    rule: 'people release what is judged invalid_signature, and nothing else',
    advice:
      'Repair what is registered of its key, in the trust store or by `sealwatch signing-key`, then `sealwatch quarantine replay`',
  },
  RELEASE_DONE: {
    kind: 'conflict',
    rule: 'a release that was approved stands as it was asked for, and an item is admitted once',
    advice: 'See `sealwatch quarantine show LEAF`; what was approved and did not come in: approve it again',
  },
  RELEASE_IMPOSSIBLE: {
    kind: 'invalid',
    rule: 'only whole lines of the chain, in their order, can enter a ledger',
    advice: 'These bytes stay in quarantine as evidence: `sealwatch quarantine show LEAF --bytes FILE` writes them',
  },
  INDEX_THREAD_ENDED: {
    kind: 'fatal',
    rule: 'the thread that writes the index lives as long as the server',
    advice:
      'Start the server again, as `up` does by itself: nothing is lost, what the index lacks is read from the ledgers. If the thread ends again, look at the memory of the machine, and remove entries.sqlite while the server is down: it is made anew',
  },
} as const satisfies ErrorTable
export const ingestError = errorsOf(ingestErrors)
