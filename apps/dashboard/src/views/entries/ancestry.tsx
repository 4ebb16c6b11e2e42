// SPDX-License-Identifier: Apache-2.0

import type { Target } from '../../model/entry.ts'
import type { Detail } from '../../model/proof.ts'
import { Icon } from '../parts/icon.tsx'

type Step = Detail['ancestry'][number]

/** From the oldest down to the one that acted, and what it acted on: each under the one that it comes from. */
export function Ancestry({ steps, target }: { readonly steps: readonly Step[]; readonly target: Target | undefined }) {
  const down = steps.toReversed()
  return (
    <ol className="tree">
      {down.map((step, depth) => (
        <li
          key={step.uid ?? `${step.pid} ${step.name} ${step.path}`}
          className={depth === down.length - 1 ? 'acted' : ''}
          style={{ '--depth': Math.min(depth, 9) } as object}
        >
          <span className="node">
            <b>{step.name ?? step.path ?? 'unknown'}</b>
            <small>
              {step.path === null ? null : <code>{step.path}</code>}
              {step.pid === null ? null : <span>pid {step.pid}</span>}
              {step.user_uid === null ? null : <span>uid {step.user_uid}</span>}
            </small>
            {step.cmd_line === null ? null : <code className="command">{step.cmd_line}</code>}
          </span>
        </li>
      ))}
      {target === undefined ? null : (
        <li className="target" style={{ '--depth': Math.min(down.length, 10) } as object}>
          <span className="node">
            <Icon name={target.kind === 'file' ? 'file' : 'process'} size={14} />
            <code>{target.name}</code>
            {target.about === undefined ? null : <small>{target.about}</small>}
          </span>
        </li>
      )}
    </ol>
  )
}
