// SPDX-License-Identifier: Apache-2.0

/** A rule of Prometheus, as far as it matters whether it can fire. */
export type Rule = {
  readonly name: string
  readonly kind: 'alert' | 'record'
  readonly expr: string
  /** Of `for`, and of the group's `interval`; 0: it does not wait. */
  readonly waitsMs: number
  readonly intervalMs: number
}

/** The rules in the text of a file; undefined: it is no file of rules. What it says besides does not matter here. */
export async function rulesIn(text: string): Promise<readonly Rule[] | undefined> {
  // Of all commands the drills alone read YAML.
  const { parse } = await import('yaml')
  let file: unknown
  try {
    file = parse(text, { maxAliasCount: 0 })
  } catch {
    return undefined
  }
  if (file === null) return []
  const groups = listIn(file, 'groups')
  return groups?.flatMap((group) => (listIn(group, 'rules') ?? []).flatMap((one) => ruleOf(group, one)))
}

function ruleOf(group: unknown, rule: unknown): Rule[] {
  const kind = textIn(rule, 'alert') === undefined ? 'record' : 'alert'
  const [name, expr] = [textIn(rule, kind), textIn(rule, 'expr')]
  if (name === undefined || expr === undefined) return []
  const waitsMs = millisOf(textIn(rule, 'for') ?? '0s')
  return [{ name, kind, expr, waitsMs, intervalMs: millisOf(textIn(group, 'interval') ?? '0s') }]
}

const memberOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined
function listIn(value: unknown, name: string): readonly unknown[] | undefined {
  const list = memberOf(value, name)
  return Array.isArray(list) ? list : undefined
}
function textIn(value: unknown, name: string): string | undefined {
  const text = memberOf(value, name)
  return typeof text === 'string' ? text : undefined
}

const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000, y: 31_536_000_000 } as const

/** `1h30m`; what is no duration takes for ever. */
function millisOf(duration: string): number {
  if (!/^(?:\d+(?:ms|[smhdwy]))+$/.test(duration)) return Number.POSITIVE_INFINITY
  const parts = duration.matchAll(/(\d+)(ms|[smhdwy])/g)
  return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * unitMs[unit as keyof typeof unitMs], 0)
}

/** Words, numbers, strings, windows and signs, without comments. */
const tokensOf = (expr: string): readonly string[] =>
  expr
    .match(/#[^\n]*|"[^"]*"|\[[^\]]*\]|[\d.]+(?:e[+-]?\d+)?(?![\w:])|[\w:.]+|[<>=!]=|\S/g)
    ?.filter((one) => !one.startsWith('#')) ?? []

const farther = 10

/**
 * How an expression asks for something else than ours; undefined: it does not. Thresholds and windows are a matter of the place,
 * up to ten times ours: beyond that nothing may ever fire.
 */
export function differenceOf(found: string, ours: string): string | undefined {
  const [tokens, due] = [tokensOf(found), tokensOf(ours)]
  if (tokens.length !== due.length) return 'asks for something else'
  for (const [i, one] of tokens.entries()) {
    const other = due[i] as string
    if (one === other) continue
    if (other.startsWith('[') && one.startsWith('[')) {
      if (millisOf(one.slice(1, -1)) > farther * millisOf(other.slice(1, -1))) return `looks over the window ${one}`
    } else if (isNumber(other) && isNumber(one)) {
      if (Number(one) > farther * Number(other)) return `has the threshold ${one}, where ours is ${other}`
    } else return 'asks for something else'
  }
  return undefined
}

const isNumber = (token: string) => /^\d/.test(token) && Number.isFinite(Number(token))

/** The recording rules that an expression rests on. */
export const recordsIn = (expr: string): readonly string[] => tokensOf(expr).filter((one) => /^\w+:[\w:]+$/.test(one))
