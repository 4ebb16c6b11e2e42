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
export type Judgement = { readonly us: number; readonly ids: ReadonlySet<number> }

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
const engine = (variable: string, level: number) => `SecRuleEngine DetectionOnly
SecRequestBodyAccess On
SecRule REQUEST_HEADERS:Content-Type "^(?:application(?:/soap\\+|/)|text/)xml" "id:1,phase:1,t:lowercase,pass,nolog,ctl:requestBodyProcessor=XML"
SecRule REQUEST_HEADERS:Content-Type "^application/json" "id:2,phase:1,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
SecAction "id:3,phase:1,pass,nolog,setvar:tx.${variable}=${level}"
`

/** What libmodsecurity makes of each. Undefined, with a word about it, where it cannot be built. */
export function judgeByModSecurity(contexts: readonly RequestContext[], set: RuleSet): Judgement[] | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'modsecurity-'))
  try {
    const program = join(folder, 'modsecurity')
    const source = join(import.meta.dirname, 'modsecurity.cc')
    if (spawnSync('g++', ['-O2', '-o', program, source, '-lmodsecurity']).status !== 0) {
      console.error('SKIPPED: libmodsecurity: it does not build (apt-get install g++ libmodsecurity-dev)')
      return undefined
    }
    const start = join(folder, 'engine.conf')
    writeFileSync(start, engine(set.variable, set.level))
    const files = [start, set.setup, ...filesOf(set).map((name) => join(set.rules, name))]
    const input = Buffer.concat(contexts.flatMap(framed))
    const { stdout, stderr, status } = spawnSync(program, files, { input, maxBuffer: 256 * 1024 * 1024 })
    if (status !== 0) throw new Error(`libmodsecurity failed: ${stderr}`)
    return stdout.toString().trim().split('\n').map(judgementOf)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function judgementOf(line: string): Judgement {
  const [ns = 0, ...ids] = line.split(' ').map(Number)
  return { us: ns / 1_000, ids: new Set(ids) }
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
