// SPDX-License-Identifier: Apache-2.0

import type { ReactNode } from 'react'

export type Fact = readonly [name: string, value: ReactNode]

/** Names and values in a line, which wraps; in a card, each beneath its name. */
export const Facts = ({ of, card = false }: { readonly of: readonly (Fact | null)[]; readonly card?: boolean }) => (
  <dl className={card ? 'facts card' : 'inline'}>
    {of
      .filter((fact) => fact !== null)
      .map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
  </dl>
)
