// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from 'node:fs'
import { type PolicyDraft, policyDocument, policyLimits, validatePolicy } from '@sealwatch/contract/policy'
import { compilePolicy, evaluatePolicy } from '@sealwatch/detect'
import { compareAll, type Figure } from './figure.ts'

const vector = (path: string) => readFileSync(new URL(`../vectors/${path}`, import.meta.url), 'utf8')
const launch = vector('events/process-launch.json')
const connection = vector('policies/events/connect-database.json')

/** None matches, so that each is looked at. */
const launches = (rules: number): PolicyDraft => ({
  type: 'process',
  name: 'Launches',
  rules: Array.from({ length: rules }, (_, at) => ({
    id: `r${at}`,
    action: 'deny',
    executables: [`/opt/app-${at}/**`, `/usr/bin/tool-${at}`],
    ancestors: ['/usr/sbin/nginx'],
  })),
})
const connections = (rules: number): PolicyDraft => ({
  type: 'network',
  name: 'Connections',
  rules: Array.from({ length: rules }, (_, at) => ({
    id: `r${at}`,
    action: 'deny',
    direction: 'outbound',
    addresses: Array.from({ length: 8 }, (_each, part) => `172.${16 + (at >> 6)}.${at & 63}.${part * 16}/28`),
  })),
})

/** POL-2: what a policy costs an event, beside what reading it costs; and what a policy of the largest size costs once. */
export async function* benchPolicies(runs = 5): AsyncGenerator<Figure> {
  yield* judging('policies.20-rules', launches(20), launch, 100_000, runs)
  yield* judging('policies.1000-rules', launches(policyLimits.rulesMax), launch, 4_000, runs)
  yield* judging('policies.1000-rules-of-8-prefixes', connections(policyLimits.rulesMax), connection, 4_000, runs)
  const text = JSON.stringify(connections(policyLimits.rulesMax))
  const ours = async () => {
    if (!validatePolicy(text).validation.ok) throw new Error('the policy is not valid')
    return 1
  }
  yield* compareAll({ name: 'policies.validate', unit: 'policies/s', runs, ours, peers: [] })
}

function judging(name: string, draft: PolicyDraft, text: string, events: number, runs: number): AsyncGenerator<Figure> {
  const compiled = compilePolicy(policyDocument.parse(draft))
  const event = JSON.parse(text) as object
  const line = JSON.stringify(event)
  const times = (work: () => unknown) => async () => {
    for (let at = 0; at < events; at += 1) work()
    return events
  }
  const peers = [{ name: 'JSON.parse of the same event', work: times(() => JSON.parse(line)) }]
  return compareAll({ name, unit: 'events/s', runs, ours: times(() => evaluatePolicy(compiled, event)), peers })
}
