// SPDX-License-Identifier: Apache-2.0

import { isUtf8 } from 'node:buffer'
import appsec from '@datadog/native-appsec'
import { createRemembered } from './remembered.ts'
import { seclangLimits } from './seclang/limits.ts'
import type { Injection } from './seclang/operators.ts'

const { injectionTextsAtOnce, injectionTextsRemembered, injectionCallsMax } = seclangLimits
const kinds = ['sqli', 'xss'] as const
type Kind = (typeof kinds)[number]
type Texts = { readonly [kind in Kind]: readonly string[] }

/**
 * A call takes longer than what it asks for, so it asks about many texts. Of those at one address the library tells the first alone
 * in which it finds something: each text has an address, and a rule, of its own.
 */
const addressesOf = (kind: Kind) => Array.from({ length: injectionTextsAtOnce }, (_, at) => `${kind}${at}`)
const addresses = { sqli: addressesOf('sqli'), xss: addressesOf('xss') }
const rule = (kind: Kind, address: string) => ({
  id: address,
  name: kind,
  tags: { type: address, category: kind },
  conditions: [{ operator: `is_${kind}`, parameters: { inputs: [{ address }] } }],
  transformers: [],
})
const rules = kinds.flatMap((kind) => addresses[kind].map((address) => rule(kind, address)))
const ruleset = { version: '2.2', metadata: { rules_version: '1' }, rules }

type Event = { readonly rule: { readonly id: string } }

export type Library = Pick<appsec.DDWAF, 'createContext'>
export const openLibrary = (): Library => new appsec.DDWAF(ruleset, 'sealwatch')

/** A second of it is never needed: libinjection takes microseconds for the longest text it is given. */
const budgetUs = 20_000

/**
 * libinjection, as libddwaf brings it: does a text break out of an SQL statement or of HTML? Of a long one, its beginning
 * and its end are looked at. Throws when the library is not there for this platform.
 */
export function createInjection(library: Library = openLibrary()): Injection {
  let context = library.createContext()
  let calls = 0
  /** Whether something was found in a text. */
  const before = {
    sqli: createRemembered<boolean>(injectionTextsRemembered),
    xss: createRemembered<boolean>(injectionTextsRemembered),
  }
  /** Of the request that is judged, long texts too: several rules ask about one. */
  const lately = { sqli: new Map<string, boolean>(), xss: new Map<string, boolean>() }
  const known = (kind: Kind, text: string) => lately[kind].get(text) ?? before[kind].get(text)
  const remember = (kind: Kind, text: string, isFound: boolean) => {
    if (lately[kind].size >= injectionTextsRemembered) lately[kind].clear()
    lately[kind].set(text, isFound)
    before[kind].put(text, isFound)
  }

  const ask = (texts: Texts) => {
    const ephemeral: Record<string, string | readonly string[]> = {}
    for (const kind of kinds)
      for (const [at, text] of texts[kind].entries()) ephemeral[addresses[kind][at] as string] = partsOf(text)
    // What it was asked stays with a context for as long as that lives.
    if (calls === injectionCallsMax) {
      context.dispose()
      context = library.createContext()
      calls = 0
    }
    calls += 1
    const { events = [], timeout } = context.run({ ephemeral }, budgetUs)
    const found = new Set((events as readonly Event[]).map(({ rule }) => rule.id))
    for (const kind of kinds)
      for (const [at, text] of texts[kind].entries()) {
        const isFound = found.has(addresses[kind][at] as string)
        if (isFound || !timeout) remember(kind, text, isFound)
      }
  }

  const judge = (kind: Kind, text: string): boolean | undefined => {
    const before = known(kind, text)
    if (before !== undefined) return before
    ask({ sqli: [], xss: [], [kind]: [text] })
    return known(kind, text)
  }
  return {
    sqli: (text) => judge('sqli', text),
    xss: (text) => judge('xss', text),
    prepare(texts) {
      for (const kind of kinds) lately[kind].clear()
      const sqli = texts.sqli.filter((text) => known('sqli', text) === undefined)
      const xss = texts.xss.filter((text) => known('xss', text) === undefined)
      for (let from = 0; from < Math.max(sqli.length, xss.length); from += injectionTextsAtOnce) {
        const to = from + injectionTextsAtOnce
        ask({ sqli: sqli.slice(from, to), xss: xss.slice(from, to) })
      }
    },
  }
}

/** Of a long text, its beginning and its end. */
function partsOf(text: string): string | readonly string[] {
  const { injectionCharsMax: max } = seclangLimits
  return text.length <= max ? asUtf8(text) : [asUtf8(text.slice(0, max)), asUtf8(text.slice(-max))]
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
