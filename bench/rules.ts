// SPDX-License-Identifier: Apache-2.0

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { canonicalize } from '@sealwatch/base'
import { evaluateEach, loadRules, matchesOf, type RuleFile } from '@sealwatch/detect'
import { compareAll, type Figure } from './figure.ts'

const root = join(import.meta.dirname, '..')
const foreign = join(root, '../shared/rules-samples/sigma-linux')
const rulesWanted = 500
const eventsAtOnce = 4_000
const firesEvery = 500

type Event = { readonly type_uid: number }

/** DET-2: what 500 rules cost an event, beside trying each of them. */
export async function* benchRules(runs = 5): AsyncGenerator<Figure> {
  const { ruleset } = loadRules(enough([...filesIn(join(root, 'rules')), ...filesIn(foreign)]))
  if (ruleset.rules.length !== rulesWanted) throw new Error(`${ruleset.rules.length} rules`)
  const events = mixed(eventsAtOnce)
  const lines = events.map((event) => Buffer.from(`{"event":${canonicalize(event)},"prev":""}`))
  const from = '{"event":'.length
  const eventIn = (line: Buffer) => (JSON.parse(line.toString()) as { event: Event }).event
  const times = (work: () => number) => async () => {
    if (work() !== expected) throw new Error('another number of rules fired')
    return events.length
  }
  const count = (judge: typeof matchesOf) => events.reduce((sum, event) => sum + judge(ruleset, event).length, 0)
  const expected = count(evaluateEach)
  yield* both(
    compareAll({
      name: 'rules.event',
      unit: 'events/s',
      runs,
      ours: times(() => count(matchesOf)),
      peers: [{ name: 'each rule of the type', work: times(() => count(evaluateEach)) }],
    }),
  )
  const judged = (line: Buffer, judge: typeof matchesOf) => judge(ruleset, eventIn(line)).length
  const looked = () => lines.reduce((sum, line) => sum + (ruleset.mayFire(line, from) ? judged(line, matchesOf) : 0), 0)
  yield* both(
    compareAll({
      name: 'rules.line',
      unit: 'events/s',
      runs,
      ours: times(looked),
      peers: [
        {
          name: 'JSON.parse, each rule of the type',
          work: times(() => lines.reduce((sum, line) => sum + judged(line, evaluateEach), 0)),
        },
      ],
    }),
  )
}

/** The same figure once more as the time that an event takes. */
async function* both(figures: AsyncGenerator<Figure>): AsyncGenerator<Figure> {
  const us = (rate: number) => Number((1e6 / rate).toPrecision(3))
  for await (const { ratio, peer_median, ...figure } of figures) {
    yield { ...figure, ...(ratio && { ratio }), ...(peer_median && { peer_median }) }
    const { name, median, min, max } = figure
    const theirs = peer_median && {
      peer_median: us(peer_median),
      ratio: Number((1 / (ratio as number)).toPrecision(3)),
    }
    yield { ...figure, name: `${name}-us`, unit: 'us', median: us(median), min: us(max), max: us(min), ...theirs }
  }
}

function filesIn(folder: string): RuleFile[] {
  if (!existsSync(folder)) console.error(`no rules at ${folder}: others take their place`)
  const paths = existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort() : []
  return paths
    .filter((path) => path.endsWith('.yml'))
    .map((path) => ({ path: join(folder, path), text: readFileSync(join(folder, path), 'utf8') }))
}

/** Filled up with variations: the same rules about other programs and other files, under ids of their own. */
function enough(files: readonly RuleFile[]): RuleFile[] {
  const all = files.slice(0, rulesWanted)
  // A correlation names the rules that it counts, which a variation would name as well.
  const single = files.filter(({ text }) => !/^correlation:/m.test(text))
  for (let i = 0; all.length < rulesWanted; i += 1) {
    const { path, text } = single[i % single.length] as RuleFile
    const id = `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`
    const varied = text.replace(/^id: .*$/m, `id: ${id}`).replaceAll(/\/(?=[a-z])/g, `/v${i}-`)
    all.push({ path: `${path}-${i}`, text: varied })
  }
  return all
}

const programs = [
  'bash',
  'sed',
  'python3',
  'git',
  'sshd',
  'grep',
  'node',
  'awk',
  'dpkg',
  'gcc',
  'systemd',
  'cron',
  'make',
]
const sentences = [
  '-c "echo done"',
  '-la /var/log',
  '-m http.server',
  'status --short',
  '-D -R',
  '-rn needle src/',
  'server.js',
]

/** What a machine does all day, as the agent tells of it, and now and then something for which a rule fires. */
function mixed(count: number): Event[] {
  const vector = (name: string) => JSON.parse(readFileSync(join(root, 'vectors/events', `${name}.json`), 'utf8'))
  const launch = vector('process-launch')
  const others = ['process-terminate', 'network-connect', 'network-close', 'network-accept'].map(vector) as Event[]
  const alarming = readdirSync(join(root, 'rules'))
    .filter((name) => name.endsWith('.fires.json'))
    .flatMap((name) => JSON.parse(readFileSync(join(root, 'rules', name), 'utf8')) as Event | Event[])
  return Array.from({ length: count }, (_, i) => {
    if (i % firesEvery === 0) return alarming[(i / firesEvery) % alarming.length] as Event
    if (i % 3 === 0) return others[(i / 3) % others.length] as Event
    const name = programs[i % programs.length]
    const cmd_line = `${name} ${sentences[i % sentences.length]} ${i}`
    const process = {
      ...launch.process,
      pid: i,
      cmd_line,
      file: { ...launch.process.file, name, path: `/usr/bin/${name}` },
    }
    return { ...launch, process, actor: { ...launch.actor, process: { ...launch.actor.process, ...process } } }
  })
}
