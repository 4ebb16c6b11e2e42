// SPDX-License-Identifier: Apache-2.0

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import appsec from '@datadog/native-appsec'
import { decodeRequest, type RequestContext } from '@sealwatch/detect/request'
import type { Contender, Outcome } from './contender.ts'
import { inProcess } from './ours.ts'

/** Apache-2.0 or BSD-3-Clause, as its package says. Its rules are read from the package and thrown away with it. */
const rulesIn = { spec: 'dd-trace@6.21.0', path: 'package/packages/dd-trace/src/appsec/recommended.json' } as const
const budgetUs = 1_000_000

/** libddwaf with the rules that Datadog recommends; it is handed what was parted by us, which is not counted. */
export function openLibddwaf(): Contender | undefined {
  const rules = recommendedRules()
  if (rules === undefined) return undefined
  const waf = new appsec.DDWAF(rules, 'recommended')
  const judged = (context: RequestContext): Outcome => {
    const persistent = addressesOf(context)
    const startMs = performance.now()
    const asked = waf.createContext()
    const { events = [] } = asked.run({ persistent }, budgetUs)
    asked.dispose()
    return { us: (performance.now() - startMs) * 1_000, isFound: events.length > 0, score: events.length }
  }
  return {
    name: `libddwaf ${appsec.DDWAF.version()}, recommended rules`,
    learns: false,
    turn: async (contexts) => inProcess(contexts, judged),
    end: async () => waf.dispose(),
  }
}

function recommendedRules(): object | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'libddwaf-'))
  try {
    const packed = spawnSync('npm', ['pack', rulesIn.spec, '--silent', '--ignore-scripts'], { cwd: folder })
    const tarball = packed.stdout?.toString().trim() ?? ''
    const unpacked = spawnSync('tar', ['-xzf', tarball, rulesIn.path], { cwd: folder })
    if (packed.status === 0 && unpacked.status === 0)
      return JSON.parse(readFileSync(join(folder, rulesIn.path), 'utf8')) as object
    console.error(`SKIPPED: libddwaf: its rules are in ${rulesIn.spec} of npm, which cannot be had`)
    return undefined
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** What its tracer hands over of a request, by the names of its addresses. */
function addressesOf(context: RequestContext): Readonly<Record<string, unknown>> {
  const { values, rawBody } = decodeRequest(context)
  const byName = (source: string) => {
    const found: Record<string, string[]> = {}
    for (const { source: own, name, text, inside } of values)
      if (own === source && inside === undefined && name !== '__proto__') found[name] = [...(found[name] ?? []), text]
    return found
  }
  const { cookie: _, ...headers } = byName('REQUEST_HEADERS')
  return {
    'server.request.method': context.method,
    'server.request.uri.raw': context.query === '' ? context.path : `${context.path}?${context.query}`,
    'server.request.query': byName('ARGS_GET'),
    'server.request.headers.no_cookies': headers,
    'server.request.cookies': byName('REQUEST_COOKIES'),
    'server.request.body':
      rawBody === '' || values.some(({ source }) => source === 'ARGS_POST') ? byName('ARGS_POST') : rawBody,
  }
}
