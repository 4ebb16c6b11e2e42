// SPDX-License-Identifier: Apache-2.0

import { isUtf8 } from 'node:buffer'
import appsec from '@datadog/native-appsec'
import { createRemembered } from './remembered.ts'
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

/** Texts that were found harmless. */
const rememberedMax = 2_048

/** Of a list the library looks at the first 256 parts, and says nothing of the others; a text has two at most. */
const textsAtOnceMax = 128

const kinds = ['sqli', 'xss'] as const
type Kind = (typeof kinds)[number]
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
  const harmless = { sqli: createRemembered<true>(rememberedMax), xss: createRemembered<true>(rememberedMax) }
  /** Of the request that is judged, long texts too: several rules ask about one. */
  const lately = { sqli: new Set<string>(), xss: new Set<string>() }
  const isHarmless = (kind: Kind, text: string) => lately[kind].has(text) || harmless[kind].get(text) === true
  const remember = (kind: Kind, text: string) => {
    if (lately[kind].size < rememberedMax) lately[kind].add(text)
    harmless[kind].put(text, true)
  }
  const ask = (texts: { readonly [kind in Kind]?: unknown }) => {
    const { events = [], timeout } = context.run({ ephemeral: texts }, budgetUs)
    return { events: events as readonly Event[], isDecided: !timeout }
  }

  const judge = (kind: Kind, text: string): string | undefined | null => {
    if (isHarmless(kind, text)) return undefined
    for (const part of partsOf(text)) {
      const { events, isDecided } = ask({ [kind]: part })
      if (events[0] !== undefined) return events[0].rule_matches?.[0]?.parameters?.[0]?.highlight?.[0] ?? ''
      if (!isDecided) return null
    }
    remember(kind, text)
    return undefined
  }
  const askAll = (texts: { readonly [kind in Kind]: readonly string[] }) => {
    const { events, isDecided } = ask({ sqli: texts.sqli.flatMap(partsOf), xss: texts.xss.flatMap(partsOf) })
    if (!isDecided) return
    const found = new Set(events.map(({ rule }) => rule?.id))
    for (const kind of kinds) if (!found.has(kind)) for (const text of texts[kind]) remember(kind, text)
  }
  return {
    sqli: (text) => judge('sqli', text),
    xss: (text) => judge('xss', text),
    prepare(texts) {
      for (const kind of kinds) lately[kind].clear()
      const sqli = texts.sqli.filter((text) => !isHarmless('sqli', text))
      const xss = texts.xss.filter((text) => !isHarmless('xss', text))
      for (let from = 0; from < Math.max(sqli.length, xss.length); from += textsAtOnceMax) {
        const to = from + textsAtOnceMax
        askAll({ sqli: sqli.slice(from, to), xss: xss.slice(from, to) })
      }
    },
  }
}

/** Of a long text, its beginning and its end. */
function partsOf(text: string): string[] {
  const { injectionCharsMax: max } = seclangLimits
  return (text.length <= max ? [text] : [text.slice(0, max), text.slice(-max)]).map(asUtf8)
}

/**
 * The library is handed UTF-16, makes UTF-8 of it, and cuts that at 4,096 bytes. Bytes that are UTF-8 come out as they were; others
 * would become three each, so they are a letter, or the space that MySQL takes 0xa0 for.
 */
function asUtf8(text: string): string {
  if (!/[\x80-\xff]/.test(text)) return text
  const bytes = Buffer.from(text, 'latin1')
  return isUtf8(bytes) ? bytes.toString() : text.replaceAll('\xa0', ' ').replace(/[\x80-\xff]/g, 'x')
}
