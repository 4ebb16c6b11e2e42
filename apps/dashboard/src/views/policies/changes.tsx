// SPDX-License-Identifier: Apache-2.0

import { type DifferenceLine, describeDifference } from '@sealwatch/contract/policy'

type Members = Readonly<Record<string, unknown>>

function parsed(text: string): Members | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Members) : undefined
  } catch {
    return undefined
  }
}

/** What saving would change, rule by rule. */
export function Changes({ before, after }: { readonly before: string | undefined; readonly after: string }) {
  const now = parsed(after)
  if (now === undefined) return <p className="waiting">What stands there is no policy yet.</p>
  return <Difference lines={describeDifference(before === undefined ? null : (parsed(before) ?? null), now)} />
}

const signs = { '+': 'added', '-': 'removed', '~': 'changed', '>': 'moved' } as const

export const Difference = ({ lines }: { readonly lines: readonly DifferenceLine[] }) =>
  lines.length === 0 ? (
    <p className="waiting">Nothing is changed.</p>
  ) : (
    <ul className="difference">
      {lines.map(({ sign, text }) => (
        <li key={sign + text} className={signs[sign]}>
          <span aria-hidden="true">{sign}</span>
          <span className="only-read">{signs[sign]}: </span>
          {text}
        </li>
      ))}
    </ul>
  )
