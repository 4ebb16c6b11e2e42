// SPDX-License-Identifier: Apache-2.0

import type { Diff, Piece } from '../../model/diff.ts'

const kinds = { '+': 'added', '-': 'removed', ' ': 'kept' } as const

/** Lines before and after: by sign and word, and by colour. */
export function ChangedLines({ diff }: { readonly diff: Diff | 'hidden' }) {
  return (
    <section>
      <h3>Lines that changed</h3>
      {diff === 'hidden' ? (
        <p className="lead">They are personal: reveal the personal values below to read them.</p>
      ) : (
        <>
          <p className="lead">
            From line {diff.from} on{diff.isCut ? '; more changed than is told' : ''}.
          </p>
          <ul className="difference">
            {diff.lines.map(({ at, sign, pieces }) => (
              <li key={at} className={kinds[sign]}>
                <span aria-hidden="true">{sign}</span>
                <span className="only-read">{kinds[sign]}: </span>
                <Pieces of={pieces} />
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  )
}

const Pieces = ({ of }: { readonly of: readonly Piece[] }) =>
  of.map(({ at, text, isEscape }) =>
    isEscape ? (
      <i key={at} className="escape">
        {text}
      </i>
    ) : (
      <bdi key={at}>{text}</bdi>
    ),
  )
