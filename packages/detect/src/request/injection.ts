// SPDX-License-Identifier: Apache-2.0

import appsec from '@datadog/native-appsec'
import { seclangLimits } from './seclang/limits.ts'
import type { Injection } from './seclang/operators.ts'

const rule = (kind: string) => ({
  id: kind,
  name: kind,
  tags: { type: kind, category: kind },
  conditions: [{ operator: `is_${kind}`, parameters: { inputs: [{ address: kind }] } }],
  transformers: [],
})
const ruleset = { version: '2.2', metadata: { rules_version: '1' }, rules: [rule('sqli'), rule('xss')] }

/** A second of it is never needed: libinjection takes microseconds for the longest text it is given. */
const budgetUs = 20_000

/** Texts that were found harmless: user agents and paths come again and again. */
const [rememberedMax, rememberedCharsMax] = [4_096, 512]

type Kind = 'sqli' | 'xss'
type Event = {
  readonly rule?: { readonly id: string }
  readonly rule_matches?: readonly { readonly parameters?: readonly { readonly highlight?: readonly string[] }[] }[]
}

/**
 * libinjection, as libddwaf brings it: does a text break out of an SQL statement or of HTML? Of a long one, its beginning
 * and its end are looked at. Throws when the library is not there for this platform.
 */
export function createInjection(): Injection {
  const context = new appsec.DDWAF(ruleset, 'sealwatch').createContext()
  const harmless = { sqli: new Set<string>(), xss: new Set<string>() }
  const ask = (texts: { readonly [kind in Kind]?: unknown }) =>
    (context.run({ ephemeral: texts }, budgetUs).events ?? []) as readonly Event[]

  const remember = (kind: Kind, text: string) => {
    if (text.length > rememberedCharsMax) return
    if (harmless[kind].size >= rememberedMax) harmless[kind].clear()
    harmless[kind].add(text)
  }
  const judge = (kind: Kind, text: string): string | undefined => {
    if (harmless[kind].has(text)) return undefined
    const found = partsOf(text)
      .values()
      .map((part) => ask({ [kind]: part })[0])
      .find((event) => event !== undefined)
    if (found === undefined) remember(kind, text)
    return found && (found.rule_matches?.[0]?.parameters?.[0]?.highlight?.[0] ?? '')
  }
  return {
    sqli: (text) => judge('sqli', text),
    xss: (text) => judge('xss', text),
    prepare(texts) {
      const unknown = {
        sqli: texts.sqli.filter((text) => !harmless.sqli.has(text)),
        xss: texts.xss.filter((text) => !harmless.xss.has(text)),
      }
      if (unknown.sqli.length + unknown.xss.length === 0) return
      const found = new Set(
        ask({ sqli: unknown.sqli.flatMap(partsOf), xss: unknown.xss.flatMap(partsOf) }).map(({ rule }) => rule?.id),
      )
      for (const kind of ['sqli', 'xss'] as const)
        if (!found.has(kind)) for (const text of unknown[kind]) remember(kind, text)
    },
  }
}

/** Of a long text, its beginning and its end. */
function partsOf(text: string): string[] {
  const { injectionCharsMax: max } = seclangLimits
  return (text.length <= max ? [text] : [text.slice(0, max), text.slice(-max)]).map(asUtf8)
}

/** The library is handed UTF-16 and makes UTF-8 of it: bytes that are UTF-8 come out as they were. */
const asUtf8 = (text: string): string =>
  /[\x80-\xff]/.test(text) ? Buffer.from(text, 'latin1').toString('utf8') : text
