// SPDX-License-Identifier: Apache-2.0

import { type IncidentAnswer, type Process, processTree, programOf } from '../../model/incident.ts'
import { Icon } from '../parts/icon.tsx'

const depthMax = 9

/** From the oldest ancestor down to each who acted, and what they reached for. */
export function Actors({
  lineages,
  target,
}: {
  readonly lineages: IncidentAnswer['incident']['lineages']
  readonly target: Process | null
}) {
  const rows = processTree(lineages)
  const deepest = Math.max(0, ...rows.map(({ depth }) => depth))
  return (
    <ol className="tree">
      {rows.map(({ depth, process, isActor }) => (
        <li
          key={process.uid ?? `${process.pid} ${process.name}`}
          className={isActor ? 'acted' : ''}
          style={{ '--depth': Math.min(depth, depthMax) } as object}
        >
          <span className="node">
            <b>{process.name ?? process.path ?? 'unknown'}</b>
            <small>
              {process.path === null ? null : <code>{process.path}</code>}
              {process.pid === null ? null : <span>pid {process.pid}</span>}
            </small>
            {process.cmd_line ? <code className="command">{process.cmd_line}</code> : null}
          </span>
        </li>
      ))}
      {target === null ? null : (
        <li className="target" style={{ '--depth': Math.min(deepest + 1, depthMax + 1) } as object}>
          <span className="node">
            <Icon name="process" size={14} />
            <code>{programOf(target)}</code>
            {target.pid === null ? null : <small>pid {target.pid}</small>}
          </span>
        </li>
      )}
    </ol>
  )
}
