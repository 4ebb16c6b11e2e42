// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base'

/** Why a drill failed: its report names the code. Where a drill may not even begin, it is CLI_DRILL_REFUSED. */
export const drillFailureErrors = {
  DRILL_STRICT_OFF: {
    kind: 'conflict',
    rule: 'strict mode is on: what cannot be verified goes to quarantine, and not into the ledger',
    advice: 'Switch it on again: sudo ./sealwatch strict on',
  },
  DRILL_RULE_MISSING: {
    kind: 'not_found',
    rule: 'the alert that is to call somebody is among the rules that Prometheus judges',
    advice: 'Load deploy/prometheus/sealwatch.rules.yml, and check it: promtool check rules FILE',
  },
  DRILL_ALERT_SILENT: {
    kind: 'conflict',
    rule: 'the alert becomes active by the rejected rows of this drill, and fires, within the time that is given to it',
    advice: 'Look whether Prometheus reads this server (Status, Targets), and whether its rule is the one we hand out',
  },
  DRILL_DECOY_STUCK: {
    kind: 'conflict',
    rule: 'the decoy starts and does as it is told, and each row that it sends is taken or kept aside as the drill expects',
    advice: 'Read what the step found; a decoy is a service like any other, so others may be met by the same',
  },
  DRILL_CHECK_FAILED: {
    kind: 'conflict',
    rule: 'the first checks of the runbook work as they are written, and show what is wrong',
    advice: 'Mend the check, or the runbook: somebody will need it at night',
  },
  DRILL_BYTES_ALTERED: {
    kind: 'unverified',
    rule: 'quarantine gives back each item as it was received, byte for byte',
    advice: 'Keep the files as evidence; then find out who or what wrote to them: docs/runbooks/disk-failed.md',
  },
  DRILL_ITEMS_MISSING: {
    kind: 'unverified',
    rule: 'quarantine holds each item that the decoy was told is there, and no other',
    advice: 'Stop the server, and run: sudo ./sealwatch audit fsck',
  },
  DRILL_REPLAY_LEFT: {
    kind: 'conflict',
    rule: 'once the key is known, a replay admits every item that was quarantined for it',
    advice: 'Ask what is left, and why: sudo ./sealwatch quarantine list',
  },
  DRILL_NOT_CONSERVED: {
    kind: 'unverified',
    rule: 'received = admitted + quarantined + refused + duplicate, and every row of the decoy stands in the ledger once',
    advice: 'Follow docs/runbooks/conservation-broken.md',
  },
  DRILL_LEDGER_UNVERIFIED: {
    kind: 'unverified',
    rule: "the tenant's ledger, taken out as a bundle, verifies from public keys alone",
    advice: 'Keep it as evidence: docs/runbooks/ledger-altered.md',
  },
  DRILL_FORGERY_UNSEEN: {
    kind: 'unverified',
    rule: 'the rows that others signed with the leaked key are named, all of them, and no row from before the leak is',
    advice: 'Compare what the step found with what was sent: the report lists every submission',
  },
  DRILL_GUARD_IDLE: {
    kind: 'conflict',
    rule: 'the guard of this machine is on, sees by events, takes the decoy, and is told to answer the drill in earnest',
    advice: 'See the line Guard of `sealwatch status`, and docs/drills.md, key-theft: what each missing piece needs',
  },
  DRILL_ATTACK_MISSED: {
    kind: 'unverified',
    rule: 'each way to the memory is seen, its attacker is ended, and the keys are forgotten and changed',
    advice: 'Read what the step found: it says of each way what was missed, and docs/drills.md what to do',
  },
  DRILL_REQUESTS_FAILED: {
    kind: 'conflict',
    rule: 'the service that is attacked serves on: 99.9 % of its requests are answered',
    advice: 'Look how busy the machine is, and run the drill again; then read what the step found',
  },
  DRILL_INTERRUPTED: {
    kind: 'conflict',
    rule: 'a drill goes its way to the end',
    advice: 'Run it again',
  },
  DRILL_BROKEN: {
    kind: 'conflict',
    rule: 'each step ends as it must',
    advice: 'Read what the step found, and run the drill again',
  },
} as const satisfies ErrorTable
export type DrillFailure = keyof typeof drillFailureErrors
export const drillFailure = errorsOf(drillFailureErrors)
