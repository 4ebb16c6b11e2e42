// SPDX-License-Identifier: Apache-2.0

import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type LoadedSecRules, loadSecRules, type RequestContext } from '@sealwatch/detect/request'

/** Where a copy of the Core Rule Set lies; `variable` is what its level of paranoia is called. */
export type RuleSet = {
  readonly rules: string
  readonly setup: string
  readonly variable: string
  readonly level: number
}
/** By the clock, of the processor, what its rules reckoned together, and which of them matched. */
export type Judgement = {
  readonly us: number
  readonly cpuUs: number
  readonly score: number
  readonly ids: ReadonlySet<number>
}

export const debianRules = (level: number): RuleSet => ({
  rules: '/usr/share/modsecurity-crs/rules',
  setup: '/etc/modsecurity/crs/crs-setup.conf',
  variable: 'paranoia_level',
  level,
})

const read = (path: string) => readFileSync(path, 'latin1')
const filesOf = ({ rules }: RuleSet) =>
  readdirSync(rules)
    .filter((name) => /^REQUEST.*\.conf$/.test(name))
    .sort()

export function loadOurs(set: RuleSet): LoadedSecRules {
  const { rules, setup, variable, level } = set
  return loadSecRules(
    [
      { path: 'crs-setup.conf', text: read(setup) },
      ...filesOf(set).map((path) => ({ path, text: read(join(rules, path)) })),
    ],
    {
      files: (name) => (existsSync(join(rules, name)) ? read(join(rules, name)) : undefined),
      variables: { [variable]: String(level) },
    },
  )
}

/** As libmodsecurity's recommended configuration has it. */
const engine = ({ variable, level }: RuleSet, mode: string) => `SecRuleEngine ${mode}
SecRequestBodyAccess On
SecRule REQUEST_HEADERS:Content-Type "^(?:application(?:/soap\\+|/)|text/)xml" "id:1,phase:1,t:lowercase,pass,nolog,ctl:requestBodyProcessor=XML"
SecRule REQUEST_HEADERS:Content-Type "^application/json" "id:2,phase:1,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
SecAction "id:3,phase:1,pass,nolog,setvar:tx.${variable}=${level}"
`

/** Behind all rules: the score comes as the message of one that is ours. */
const scoring = `SecRule TX:ANOMALY_SCORE "@gt 0" "id:4,phase:2,pass,log,msg:'%{TX.ANOMALY_SCORE}'"\n`

export type ModSecurity = {
  /** What libmodsecurity makes of each; a process each time. */
  judge(contexts: readonly RequestContext[]): Judgement[]
  /** The most memory that its last process held, in MB. */
  readonly peakMb: () => number
  end(): void
}

/** Undefined, with a word about it, where it cannot be built. */
export function openModSecurity(set: RuleSet): ModSecurity | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'modsecurity-'))
  const end = () => rmSync(folder, { recursive: true })
  const program = join(folder, 'modsecurity')
  const source = join(import.meta.dirname, 'modsecurity.cc')
  if (spawnSync('g++', ['-O2', '-o', program, source, '-lmodsecurity']).status !== 0) {
    console.error('SKIPPED: libmodsecurity: it does not build (apt-get install g++ libmodsecurity-dev)')
    end()
    return undefined
  }
  const files = configurationOf(set, folder)
  let peakMb = 0
  return {
    end,
    peakMb: () => peakMb,
    judge(contexts) {
      const input = Buffer.concat(contexts.flatMap(framed))
      const { stdout, stderr, status } = spawnSync(program, files, { input, maxBuffer: 256 * 1024 * 1024 })
      if (status !== 0) throw new Error(`libmodsecurity failed: ${stderr}`)
      peakMb = (Number(stderr.toString().trim().split('\n').at(-1)) * 1_024) / 1e6
      return stdout.toString().trim().split('\n').map(judgementOf)
    },
  }
}

/** Its files in the order in which they are to be read; those of ours lie in `folder`. */
export function configurationOf(set: RuleSet, folder: string, mode = 'DetectionOnly'): string[] {
  const [first, last] = [join(folder, 'engine.conf'), join(folder, 'scoring.conf')]
  writeFileSync(first, engine(set, mode))
  writeFileSync(last, scoring)
  return [first, set.setup, ...filesOf(set).map((name) => join(set.rules, name)), last]
}

export function judgeByModSecurity(contexts: readonly RequestContext[], set: RuleSet): Judgement[] | undefined {
  const peer = openModSecurity(set)
  try {
    return peer?.judge(contexts)
  } finally {
    peer?.end()
  }
}

function judgementOf(line: string): Judgement {
  const [ns = 0, cpuNs = 0, score = 0, ...ids] = line.split(' ').map(Number)
  return { us: ns / 1_000, cpuUs: cpuNs / 1_000, score, ids: new Set(ids) }
}

/** As the program reads it: each text after its length. */
function framed({ method, path, query, version, headers, body }: RequestContext): Buffer[] {
  const target = query === '' ? path : `${path}?${query}`
  const texts = [method, target, version, headers.map(([name, value]) => `${name}\0${value}\0`).join('')]
  return [...texts.map((text) => Buffer.from(text, 'latin1')), Buffer.from(body)].flatMap((bytes) => {
    const length = Buffer.alloc(4)
    length.writeUInt32LE(bytes.length)
    return [length, bytes]
  })
}
