// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { observe, type SiteObservation } from '../observe/observe.ts'
import { sampleContext, sampleObservations, samplePolicies, sampleRunning } from '../observe/sample-observations.ts'
import type { Task } from '../sources/observation.ts'
import { policiesOf } from './in-force.ts'

const observed = (name: string, policies = samplePolicies, actor: Partial<Task> = {}) => {
  const sample = sampleObservations[name] as SiteObservation
  const observation = { ...sample, actor: { ...sample.actor, ...actor } }
  const context = { ...sampleContext(), policies }
  context.processes.learn(observation)
  return observe(observation, context).event
}

test('POL-2 an act that a policy denies says which, which version and rule, and that it was not stopped', () => {
  const event = observed('process-launch')
  assert.deepEqual(event.policy, { uid: 'programs', name: 'Programs', version: '3', is_applied: false })
  assert.deepEqual([event.action, event.disposition, event.severity], ['Allowed', 'Detected', 'Medium'])
  const { policy_rule, policy_mode, also_denied_by } = event.unmapped
  assert.deepEqual([policy_rule, policy_mode, also_denied_by], ['no-cat', 'enforce', ['nights/nobody']])
  assert(event.metadata.profiles.includes('security_control'))
})

test('POL-2 what is to be enforced is told before what is only observed, which is of less weight', () => {
  assert.equal(observed('process-launch', samplePolicies.toReversed()).policy?.uid, 'programs')
  const event = observed('process-launch', samplePolicies.slice(1))
  assert.deepEqual([event.policy?.uid, event.unmapped.policy_mode, event.severity], ['nights', 'observe', 'Low'])
})

test('POL-2 what no policy denies, or is not judged by one, is the event that it is without policies', () => {
  for (const name of ['process-terminate', 'file-read', 'network-connect', 'memory-read-vm'])
    assert.deepEqual(observed(name), observed(name, []))
})

const denyEverything = [
  { type: 'network', default: 'deny', rules: [] },
  { type: 'process', default: 'deny', rules: [] },
  { type: 'file', rules: [{ id: 'hashes', paths: ['/etc/shadow'], may: [] }] },
].map((policy) => ({
  id: policy.type,
  version: 1,
  digest: '',
  document: JSON.stringify({ name: policy.type, enabled: true, ...policy }),
}))
const { policies } = policiesOf({ policies: denyEverything }, { uid: 'a', hostname: 'web-1' })

test('POL-2 connections and watched files are judged as well', () => {
  const ruleOf = (name: string) => {
    const { policy, unmapped } = observed(name, policies)
    return `${policy?.uid}/${unmapped.policy_rule}`
  }
  assert.equal(ruleOf('network-connect'), 'network/default')
  assert.equal(ruleOf('network-datagram'), 'network/default')
  assert.equal(ruleOf('file-read'), 'file/hashes')
})

test('POL-2 programs of ours are denied nothing: whom the sensor spares, of the network and of files, the agent spares', () => {
  const denies = (name: string, actor: Partial<Task>) => observed(name, policies, actor).policy !== undefined
  const { agent, supervisor } = sampleRunning
  const actors: Record<string, Partial<Task>> = {
    first: { uid: 64_701 },
    last: { uid: 64_708 },
    'before the first': { uid: 64_700 },
    'after the last': { uid: 64_709 },
    'by its effective user': { euid: 64_705 },
    agent: { pid: agent },
    supervisor: { pid: supervisor },
    'started by the supervisor': { ancestors: [{ pid: supervisor, startNs: 1n, comm: 'node' }] },
    'process 1': { pid: 1 },
  }
  const spared = (name: string) => Object.keys(actors).filter((who) => !denies(name, actors[who] ?? {}))
  const byFile = ['first', 'last', 'by its effective user', 'supervisor', 'started by the supervisor', 'process 1']
  assert.deepEqual(spared('network-connect'), ['first', 'last', 'agent'])
  assert.deepEqual(spared('file-read'), byFile)
  assert.deepEqual(spared('process-launch'), byFile)
})
