// SPDX-License-Identifier: Apache-2.0

import type { PolicyValidation } from '@sealwatch/contract/policy'
import { several } from '../../model/words.ts'
import { Icon } from '../parts/icon.tsx'

/** Everything that is wrong, at once: where, what must hold, what stands there, and what was probably meant. */
export function Problems({
  validation: { problems, omitted },
  show,
}: {
  readonly validation: PolicyValidation
  readonly show: (line: number, column: number) => void
}) {
  if (problems.length === 0)
    return (
      <p className="verified">
        <Icon name="check" size={15} />
        Nothing is wrong with it
      </p>
    )
  return (
    <ul className="problems">
      {problems.map(({ severity, path, rule, value, suggestion, line, column }) => (
        <li key={`${path} ${rule} ${line} ${column}`} className={severity}>
          <header>
            <span className={`chip ${severity === 'error' ? 'bad' : 'warn'}`}>{severity}</span>
            <code>{path === '' ? 'the policy' : path}</code>
            {line === undefined || column === undefined ? null : (
              <button type="button" className="button plain small" onClick={() => show(line, column)}>
                {line}:{column}
              </button>
            )}
          </header>
          <p>{rule}</p>
          {value === undefined ? null : (
            <p>
              <small>There stands</small> <code className="hit">{value}</code>
            </p>
          )}
          <p className="suggestion">{suggestion}</p>
        </li>
      ))}
      {omitted === 0 ? null : <li>and {several(omitted, 'more problem')}</li>}
    </ul>
  )
}
