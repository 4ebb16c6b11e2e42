// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '@sealwatch/base'
import { sampleTask } from '../observe/sample-observations.ts'
import type { Examination, SensorMessage } from '../sources/observation.ts'
import { auditOf } from './audit.ts'
import { createExaminations } from './examinations.ts'

const sound: Examination = { variables: [], argv: [], core: 0n, isDumpable: false, isPreloaded: false }

test('RIM-3 what was found of a process is said in words, the gravest first, and of a sound one nothing', () => {
  const findings = (found: Partial<Examination>, exe: string | null = '/usr/bin/node') =>
    auditOf({ ...sound, ...found }, exe).map(({ finding, severity }) => `${finding} ${severity}`)
  assert.deepEqual(findings({}), [])
  assert.deepEqual(findings({ variables: ['LD_LIBRARY_PATH', 'PYTHONPATH'] }), [])
  const options = { variables: ['NODE_OPTIONS'] } as const
  assert.deepEqual(findings(options), ['runtime_flags medium'])
  assert.deepEqual(findings({ ...options, optionsHarmless: true }), [])
  const started = (...argv: string[]) => findings({ argv: ['node', ...argv] })
  for (const flag of ['--inspect=0', '--inspect-brk', '--inspect-wait=127.0.0.1:0', '--inspect'])
    assert.deepEqual(started('--no-warnings', '-r', './a.js', flag, 'server.js'), ['inspector critical'], flag)
  assert.deepEqual(findings({ argv: ['node', '--inspect'], port: 9229 }), ['inspector critical'], 'told once')
  const writing = ['--heapsnapshot-signal=SIGUSR2', '--heapsnapshot-near-heap-limit=1', '--report-on-signal']
  for (const flag of [
    ...writing,
    '--report-uncaught-exception',
    '--heap-prof',
    '--cpu-prof',
    '--abort_on_uncaught_exception',
  ])
    assert.deepEqual(started(flag, 'server.js'), ['runtime_flags medium'], flag)
  const harmless = [
    ['server.js', '--inspect=0', '--heap-prof'],
    ['--title', 'web', 'server.js'],
    ['--max-semi-space-size=4', 'a.js', '--inspect'],
  ]
  for (const argv of harmless) assert.deepEqual(started(...argv), [], argv.join(' '))
  assert.deepEqual(findings({ argv: ['keyservice', '--inspect=0'] }, '/usr/sbin/keyservice'), [], 'it is no Node')
  const all: Examination = {
    argv: [],
    ...{ tracer: 7, holder: 8, port: 9229, foreignCode: '/opt/keys', core: 1n, isDumpable: true, isPreloaded: true },
    variables: ['LD_PRELOAD', 'LD_AUDIT', 'NODE_OPTIONS'],
  }
  assert.deepEqual(findings(all), [
    ...['traced critical', 'memory_open critical', 'inspector critical', 'preload high', 'preload_file high'],
    ...['code_writable high', 'core_limit medium', 'dumpable medium', 'runtime_flags medium'],
  ])
  const advice = auditOf(all, null)
    .map((one) => one.advice)
    .join()
  for (const named of ['Process 7 ', 'Process 8 ', 'port 9229', 'LD_PRELOAD, LD_AUDIT', '/opt/keys'])
    assert(advice.includes(named), named)
})

test('RIM-3 the sensor is asked of each process, anew each time; where nobody answers that is said', async () => {
  let asked = 0
  const wakes: (() => void)[] = []
  const clock = { ...systemClock, sleep: () => new Promise<void>((resolve) => void wakes.push(resolve)) }
  const examinations = createExaminations(() => void asked++, clock)
  const [one, other] = [sampleTask(), sampleTask({ pid: 4_711 })]
  const found = (actor: typeof one, core: bigint) =>
    ({ kind: 'examined', actor, timeNs: 1n, truncated: false, site: 'examiner', ...sound, core }) as SensorMessage
  const namesOf = (audit: readonly { readonly finding: string }[]) => audit.map(({ finding }) => finding)

  const [first, again] = [examinations.of(one), examinations.of(one)]
  assert.deepEqual([asked, examinations.isDue(one), examinations.isDue(other)], [2, true, false])
  examinations.take([found(other, 9n), found(one, 9n)])
  assert.deepEqual([namesOf(await first), namesOf(await again)], [['core_limit'], ['core_limit']])
  assert.equal(examinations.isDue(one), false)
  const anew = examinations.of(one)
  examinations.take([found(one, 0n)])
  assert.deepEqual(await anew, [])
  const never = examinations.of(other)
  for (const wake of wakes) wake()
  assert.deepEqual(namesOf(await never), ['not_examined'])
  assert.equal(examinations.isDue(other), false)
})
