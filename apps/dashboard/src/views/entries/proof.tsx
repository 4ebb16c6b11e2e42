// SPDX-License-Identifier: Apache-2.0

import { sha256 } from '../../door/sha256.ts'
import { type Detail, type Path, type Proven, provenBy } from '../../model/proof.ts'
import { counted, several, shortHash } from '../../model/words.ts'
import { Icon } from '../parts/icon.tsx'
import { Time } from '../parts/time.tsx'

/** From who vouches, down to the line. What is drawn was computed here from the line itself. */
export function Proof({ line }: { readonly line: Detail }) {
  const proven = verified(line)
  if (proven instanceof Error)
    return (
      <div className="problem" role="alert">
        <b>This does not prove the line</b>
        <span>{proven.message}</span>
      </div>
    )
  if (proven === undefined)
    return <p className="waiting">On stable storage. The next checkpoint, within seconds, will cover it.</p>
  const { published } = line.inclusion
  return (
    <div className="proof">
      <p className="verified">
        <Icon name="check" size={15} />
        Computed in this browser, from the line to {proven.root === undefined ? 'its tenant’s checkpoint' : 'the root'}
      </p>
      {published === null ? null : (
        <div className="voucher">
          <Icon name="seal" size={20} />
          <span>
            <b>
              Countersigned <Time at={published.root_checkpoint.countersigned.at} />
            </b>
            <small>
              {published.root_checkpoint.countersigned.key_ids.map((id) => shortHash(id)).join(', ')}
              {published.root_checkpoint.witnesses.length === 0
                ? ' · no witnesses are set'
                : ` · cosigned by ${published.root_checkpoint.witnesses.join(', ')}`}
            </small>
          </span>
        </div>
      )}
      {proven.root === undefined ? null : (
        <>
          <Tree path={proven.root} title="Root ledger" />
          <p className="joint">
            Line {counted(proven.root.index)} of the root ledger names the root of the tenant’s ledger
          </p>
        </>
      )}
      <Tree path={proven.tenant} title="Ledger of the tenant" />
      <p className="end">
        <b>Line {counted(line.leaf_index)}</b>
        <code title={line.inclusion.leaf_hash}>{shortHash(line.inclusion.leaf_hash)}</code>
      </p>
    </div>
  )
}

function verified(line: Detail): Proven | undefined | Error {
  try {
    return provenBy(sha256, line)
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

const rowHeight = 27
const width = 380
const middle = width / 2
const pillWidth = 148

/** The path runs up the middle, each sibling on the side where it stands; a million lines are twenty rows. */
function Tree({ path, title }: { readonly path: Path; readonly title: string }) {
  const { steps } = path
  const height = steps.length * rowHeight + 26
  const yOf = (level: number) => height - 13 - level * rowHeight
  return (
    <figure className="tree-of">
      <figcaption>
        <b>{title}</b>
        <small>{several(path.size, 'line')}</small>
        <code title={path.root}>{shortHash(path.root)}</code>
      </figcaption>
      <svg
        viewBox={`0 0 ${width} ${height}`}
        role="img"
        aria-label={`${steps.length} hashes lead from line ${path.index} to the root of ${path.origin}`}
      >
        <line className="spine" x1={middle} y1={yOf(0)} x2={middle} y2={yOf(steps.length)} />
        {steps.map(({ side, sibling, siblingSpan: { from, to } }, level) => {
          const isLeft = side === 'left'
          const x = isLeft ? middle - 20 - pillWidth : middle + 20
          const near = isLeft ? middle - 20 : middle + 20
          const [y, above] = [yOf(level) - 4, yOf(level + 1)]
          return (
            <g key={sibling + String(from)}>
              <path
                className="edge"
                d={`M${near} ${y} C${(near + middle) / 2} ${y} ${middle} ${y - 6} ${middle} ${above}`}
              />
              <g className="sibling">
                <title>{sibling}</title>
                <rect x={x} y={y - 10} width={pillWidth} height={20} rx={6} />
                <text x={x + 8} y={y + 4}>
                  {to - from === 1 ? counted(from) : `${counted(from)}–${counted(to - 1)}`}
                </text>
                <text className="hash" x={x + pillWidth - 8} y={y + 4} textAnchor="end">
                  {sibling.slice(0, 6)}…
                </text>
              </g>
              <circle className="dot" cx={middle} cy={above} r={level === steps.length - 1 ? 5.5 : 3.5} />
            </g>
          )
        })}
        <circle className="leaf" cx={middle} cy={yOf(0)} r={5} />
      </svg>
    </figure>
  )
}
