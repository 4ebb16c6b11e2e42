// SPDX-License-Identifier: Apache-2.0
// In the machine: what each site watches is done once, and what the sensor said of each is written as JSON into the file $SITES.

import assert from 'node:assert/strict'
import { chmodSync, copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileTableFor, tableOf } from '../../apps/agent/src/policies/enforce.ts'
import { policiesOf } from '../../apps/agent/src/policies/in-force.ts'
import { fileTableOrder, tableOrder } from '../../apps/agent/src/policies/table-order.ts'
import { type SensorMessage, type Site, sites } from '../../apps/agent/src/sources/observation.ts'
import { acts } from '../../apps/cli/src/doctor/acts.ts'
import {
  binary,
  isEvent,
  isHello,
  isReport,
  newInstance,
  patienceMs,
  run,
  startAgent,
  startSensor,
  type TestAgent,
  whyNot,
} from '../../apps/sensor/sensor-harness.ts'

export type Said = {
  readonly attached: Readonly<Record<Site, { readonly ok: boolean; readonly reason: string }>>
  readonly told: Readonly<Record<Site, readonly string[]>>
  /** Programs that stand by or were refused, and why. */
  readonly left: readonly string[]
}

/** Addresses of documentation: nobody has them. */
const nowhere = '192.0.2.1'

/** From here on the kernel denies connections to there, and that this file is opened. */
async function deny(agent: TestAgent, guarded: string): Promise<void> {
  const head = { name: 'x', enabled: true, mode: 'enforce' }
  const documents = [
    { ...head, type: 'network', default: 'allow', rules: [{ id: 'r', action: 'deny', addresses: [`${nowhere}/32`] }] },
    { ...head, type: 'file', rules: [{ id: 'r', paths: [guarded], may: [] }] },
  ]
  const told = documents.map((each, at) => ({ id: `p${at}`, version: 1, digest: '', document: JSON.stringify(each) }))
  const { policies } = policiesOf({ policies: told }, { uid: 'a', hostname: 'web-1' })
  const [{ table }, { table: files }] = [tableOf(policies, new Map()), fileTableFor(policies, new Map())]
  assert(table !== undefined && files !== undefined)
  agent.say(tableOrder(table, 1, 60, { seed: 1n, factor: 3n }))
  agent.say(fileTableOrder(files, 2, 60))
  await agent.until((message) => isReport(message) && message.table === 1 && message.fileTable === 2)
}

/** Each as doctor does it, and what doctor cannot do. Gives the pids of who did them. */
function doAll(watched: string, guarded: string, sensor: number): number[] {
  const ways = [...acts, { name: 'passed_recvmmsg', onFile: true, onSensor: false }]
  const pids = ways.flatMap(({ name, onFile, onSensor }) => {
    const on = onSensor ? ['--pid', String(sensor)] : onFile ? ['--file', watched] : []
    const { pid, stdout } = run(binary('probe'), name, `n-${name.slice(-12)}`, ...on)
    // Its child does it, and says so.
    return [pid, ...[...stdout.matchAll(/"pid":(\d+)/g)].map(([, child]) => Number(child))]
  })
  copyFileSync('/bin/true', watched)
  chmodSync(watched, 0o755)
  const byOthers = [
    [watched],
    ['cat', guarded],
    ['modprobe', 'dummy'],
    ['bash', '-c', `: < /dev/tcp/${nowhere}/9`],
  ] as const
  return [...pids, ...byOthers.map(([file, ...args]) => run(file, ...args).pid)]
}

test('AGT-1: each site that is attached tells of what it watches', {
  skip: whyNot() ?? false,
  timeout: 4 * patienceMs,
}, async (t) => {
  const agent = await startAgent(t)
  const watched = join(agent.dir, 'watched')
  const guarded = join(agent.dir, 'guarded')
  for (const path of [watched, guarded]) writeFileSync(path, 'x')
  const sensor = startSensor(t, ['--socket', agent.socketPath, '--instance', newInstance(t), '--watch', watched])
  const { attached } = await agent.until(isHello)
  await deny(agent, guarded)
  const pids = new Set(doAll(watched, guarded, sensor.pid))
  const last = [...pids].at(-1)
  const { timeNs } = await agent.until((event) => isEvent(event) && event.kind === 'exit' && event.actor.pid === last)
  // What changed is told by another process, after all that it was done by.
  const isChange = (message: SensorMessage) =>
    isEvent(message) && message.site === 'file_change' && pids.has(message.actor.pid)
  const patienceNs = 60_000_000_000n
  await agent.until((message) => isChange(message) || (isReport(message) && message.timeNs > timeNs + patienceNs))
  const told = Object.fromEntries(sites.map((site) => [site, new Set<string>()])) as Record<Site, Set<string>>
  for (const { actor, site, kind } of agent.events())
    if (pids.has(actor.pid) || actor.ancestors.some(({ pid }) => pids.has(pid))) told[site].add(kind)
  const left = [
    ...sensor
      .log()
      .matchAll(/"msg":"((?:\w+ is not attached|this kernel has nothing|changes of \S+ are not told).*?)"/g),
  ].map(([, text = '']) => text)
  const said = { attached, told: Object.fromEntries(sites.map((site) => [site, [...told[site]]])), left }
  if (process.env.SITES !== undefined) writeFileSync(process.env.SITES, JSON.stringify(said))
  const isThere = (site: Site) =>
    !left.some(
      (text) => text.includes(`nothing for ${site}`) || (site === 'file_change' && text.startsWith('changes of')),
    )
  for (const site of sites)
    if (attached[site].ok && isThere(site))
      await t.test(site, () => assert(told[site].size > 0, 'attached, and told nothing'))
})
