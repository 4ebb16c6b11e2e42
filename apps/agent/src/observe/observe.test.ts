// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { scrubArguments } from '@sealwatch/base'
import { canonicalize } from '@sealwatch/base/json'
import { capabilities, capabilitiesIn, limits, lineageOf } from '@sealwatch/contract'
import fc from 'fast-check'
import type { Observation } from '../sources/observation.ts'
import { observe, type SiteObservation } from './observe.ts'
import { remembered } from './remembered.ts'
import {
  bootNs,
  plainStart,
  sampleContext,
  sampleEvents,
  sampleFile,
  sampleObservations,
  sampleTask,
  service,
} from './sample-observations.ts'

const vectors = join(import.meta.dirname, '../../../../vectors/events')
const golden = (name: string): unknown => JSON.parse(readFileSync(join(vectors, `${name}.json`), 'utf8'))
const rewrite = 'the vocabulary changed: run `node tools/write-event-vectors.ts` and review the difference'

test('every sample becomes its golden event', async (t) => {
  for (const [name, event] of Object.entries(sampleEvents()))
    await t.test(name, () => assert.deepEqual(JSON.parse(JSON.stringify(event)), golden(name), rewrite))
})

test('every golden event of a host has a sample', () => {
  const partOf = (name: string) =>
    (golden(name) as { metadata: { product: { feature: { name: string } } } }).metadata.product.feature.name
  const names = readdirSync(vectors).map((file) => file.replace('.json', ''))
  const ofHosts = names.filter((name) => ['agent', 'sensor'].includes(partOf(name)))
  assert.deepEqual(ofHosts.sort(), Object.keys(sampleEvents()).sort())
})

test('LOG-1: each event says when, whose, which part, what, who, how grave', () => {
  for (const [name, event] of Object.entries(sampleEvents())) {
    assert(event.time > 0 && event.severity_id > 0 && event.activity_name !== '' && event.message !== '', name)
    assert(event.metadata.tenant_uid !== '' && event.metadata.product.feature?.name !== undefined, name)
    // Who covered a path by a mount the kernel does not tell.
    const isKnown = 'process' in event.actor ? event.actor.process.pid > 0 : event.actor.app_name !== ''
    assert(isKnown || name === 'file-cover', name)
  }
})

const sample = (name: string): SiteObservation => sampleObservations[name] as SiteObservation
const observed = (observation: SiteObservation, context = sampleContext()) => {
  context.processes.learn(observation)
  return observe(observation, context)
}

test('AGT-1 of a refused call only what it takes was asked for, and not what else lies in the registers', () => {
  const refused = sample('kernel-ids-refused') as Extract<SiteObservation, { kind: 'refused' }>
  const told = (call: number) => observed({ ...refused, call, asked: [65_533n, 0n, 0n] }).event.message
  assert.match(told(105), /setuid\(65533\)$/)
  assert.match(told(113), /setreuid\(65533, 0\)$/)
  assert.match(told(117), /setresuid\(65533, 0, 0\)$/)
  assert.match(told(126), /capset\(\)$/)
})

test('AGT-3 a change that left what its package brought says so where people read it', () => {
  const { enrichment, ...context } = sampleContext()
  const told = (as: boolean) =>
    observed(sample('file-package-altered'), { ...context, enrichment: { ...enrichment, shipped: () => as } }).event
  assert.equal(told(true).message, '/usr/bin/bash (pid 1200) wrote /usr/bin/cat, as its package brought it')
  assert.equal(told(false).message, '/usr/bin/bash (pid 1200) wrote /usr/bin/cat')
})

test('personal values are named by pointer, and left out where there is no account', () => {
  assert.deepEqual(observed(sample('file-read')).personalPointers, ['/event/actor/user/name'])
  const nobody = { ...sample('file-read'), actor: sampleTask({ uid: 4_000 }) }
  assert.deepEqual(observed(nobody).personalPointers, [])
})

test('changes say what changed and where from, and who is not known any more is said to be gone', () => {
  const saying = (name: string, change: object = {}) =>
    observed({ ...sample(name), ...change } as SiteObservation).event.message
  const gone = sampleTask({ pid: 1_201, tid: 1_201, exe: null, comm: '' })
  assert.equal(saying('file-set-attributes'), '/usr/bin/bash (pid 1200) changed the mode (0640 to 0666) of /etc/shadow')
  assert.equal(
    saying('file-rename', { path: null }),
    '/usr/bin/bash (pid 1200) moved something that was not watched to /etc/shadow',
  )
  assert.equal(saying('file-cover'), 'Somebody mounted something over /etc/shadow')
  assert.equal(
    saying('file-read', { actor: gone, flags: null }),
    'a process that is gone (pid 1201) opened /etc/shadow (whether to read or to write is not known)',
  )
})

test('paths of ancestors come from memory, their comm where it has none', () => {
  const { event } = observed({
    ...sample('file-read'),
    actor: sampleTask({ ancestors: [service, { ...service, pid: 7 }] }),
  })
  assert('process' in event.actor)
  assert.deepEqual(lineageOf(event.actor.process), ['/usr/sbin/keyservice', 'keyservice'])
})

test('what the source could not know is clear in the capabilities mask', () => {
  const maskOf = (change: Partial<Observation>) =>
    observed({ ...sample('file-read'), ...change } as SiteObservation).event.unmapped.capabilities_mask
  const lacking = (mask: number) => Object.values(capabilities).filter((bit) => (maskOf({}) & bit & ~mask) !== 0)
  assert.deepEqual(lacking(maskOf({ actor: sampleTask({ exe: null }) })), [capabilities.actorImage])
  assert.deepEqual(lacking(maskOf({ truncated: true })), [capabilities.untruncated])
  assert.deepEqual(capabilitiesIn(observed(sample('memory-read-vm')).event.unmapped.capabilities_mask).slice(-2), [
    'targetIdentity',
    'untruncated',
  ])
})

test('a file of no package is told by its bit alone, one of which nobody knows not even by that', () => {
  const { enrichment, ...context } = sampleContext()
  const seenBy = (owner: null | undefined) =>
    observed(sample('file-read'), { ...context, enrichment: { ...enrichment, owner: () => owner } }).event
  for (const owner of [null, undefined]) {
    const event = seenBy(owner)
    assert('file' in event && event.file.product === undefined)
    assert.equal(capabilitiesIn(event.unmapped.capabilities_mask).includes('fileOwner'), owner === null)
  }
})

test('a target that ended before it was looked up is told by its number alone', () => {
  const { event } = observed({
    ...sample('memory-read-vm'),
    target: { pid: 77, startNs: 0n, comm: '', ppid: 0 },
  } as SiteObservation)
  assert('process' in event)
  assert.deepEqual(event.process, { pid: 77, uid: '77:0', name: '' })
})

test('an act upon a stranger is never informational, which alone may be shed', () => {
  const severities = Object.values(sampleObservations).map((observation) => {
    const { event } = observed(observation)
    return [event.metadata.event_code, event.severity] as const
  })
  const telemetry = severities.filter(([, severity]) => severity === 'Informational').map(([code]) => code)
  assert.deepEqual([...new Set(telemetry)].sort(), [
    'accept',
    'bind',
    'connect',
    'connect_failed',
    'datagram',
    'exec',
    'exit',
    'rename',
    'socket_ended',
  ])
})

test('how a connection fails is told of who asked for it, as it was remembered', () => {
  const context = sampleContext()
  observed(sample('network-connect'), context)
  const { event } = observe(remembered(sample('network-connect-failed'), context.processes), context)
  assert('process' in event.actor)
  assert.equal(event.actor.process.file?.path, '/usr/bin/curl')
  assert.deepEqual(lineageOf(event.actor.process), ['/usr/bin/bash', '/usr/lib/systemd/systemd'])
  const told = capabilitiesIn(event.unmapped.capabilities_mask)
  assert.deepEqual(
    ['actorImage', 'actorAncestry', 'actorIdentity', 'endpoints'].map((name) => told.some((one) => one === name)),
    [false, false, true, true],
  )
})

test('a signal from a stranger is as grave as what it does, and from itself is low', () => {
  const severityOf = (signal: number, actor = sampleTask()) =>
    observed({ ...sample('process-signal'), signal, actor } as SiteObservation).event.severity
  const { SIGURG, SIGTERM, SIGSTOP, SIGUSR1 } = constants.signals
  assert.deepEqual(
    [SIGURG, SIGTERM, SIGSTOP, SIGUSR1, 64].map((signal) => severityOf(signal)),
    ['Low', 'Medium', 'High', 'High', 'High'],
  )
  assert.equal(severityOf(SIGSTOP, sampleTask({ pid: service.pid, startNs: service.startNs })), 'Low')
})

test('the actor of a later act carries the arguments it was started with', () => {
  const context = sampleContext()
  const started = { ...sample('process-launch'), argv: ['cat', '--nonce', '1f2e'] } as SiteObservation
  observed(started, context)
  const { event } = observed(sample('file-read'), context)
  assert('process' in event.actor)
  assert.equal(event.actor.process.cmd_line, 'cat --nonce 1f2e')
})

test('LOG-5: an event says which of its texts had a secret taken out, now and when it is remembered', () => {
  const context = sampleContext()
  const redactedBy = ({ event }: ReturnType<typeof observe>) => event.unmapped.redacted
  const argv = scrubArguments(['psql', 'postgres://app:s3cr3t-word@db/x'])
  const started = observed({ ...sample('process-launch'), argv, redacted: true } as SiteObservation, context)
  assert(!JSON.stringify(started.event).includes('s3cr3t-word'))
  assert.deepEqual(redactedBy(started), ['/actor/process/cmd_line', '/process/cmd_line'])
  assert.deepEqual(redactedBy(observed(sample('file-read'), context)), ['/actor/process/cmd_line'])
  const typed = { ...sample('process-launch'), argv: ['echo', '[redacted]'] } as SiteObservation
  assert.equal(redactedBy(observed(typed, context)), undefined, 'what was typed so was not redacted')
})

test('any observation, however long or strange its strings, fits one line in canonical form', () => {
  const hostile = fc.string({ unit: 'binary', maxLength: 80 }).map((text) => text.repeat(60))
  fc.assert(
    fc.property(hostile, hostile, fc.array(hostile, { maxLength: 40 }), (path, comm, argv) => {
      const ancestors = Array.from({ length: 8 }, (_, index) => ({ pid: 50 + index, startNs: 1n, comm }))
      const context = sampleContext()
      for (const { pid } of ancestors)
        context.processes.learn({
          ...at(sampleTask({ pid, startNs: 1n, exe: path })),
          filename: path,
          argv,
          ...plainStart,
        })
      const { event } = observed(
        { ...at(sampleTask({ exe: path, comm, ancestors })), filename: path, argv, ...plainStart },
        context,
      )
      const line = canonicalize({ event, chain: 'f'.repeat(32), prev: 'f'.repeat(64), seq: 2 ** 53, v: 1 })
      assert(Buffer.byteLength(line) <= limits.lineBytesMax - 1_024, `${Buffer.byteLength(line)} bytes`)

      function at(actor: ReturnType<typeof sampleTask>) {
        const fixed = { timeNs: bootNs, truncated: false, site: 'exec', kind: 'exec' } as const
        return { ...fixed, actor, file: sampleFile(path) }
      }
    }),
    { numRuns: 50 },
  )
})
