// SPDX-License-Identifier: Apache-2.0

import type { ReactNode } from 'react'
import { setQuery } from '../../door/here.ts'
import { type Item, isReason, producerName, reasonWords, rowsOf, stateWords } from '../../model/quarantine.ts'
import { several } from '../../model/words.ts'
import { Time } from '../parts/time.tsx'
import { Reason } from './reason.tsx'
import { useHostNames } from './use-quarantine.ts'

/** In the order of their stubs: the oldest first, as they are replayed. */
export function Items({
  items,
  open,
  asked,
}: {
  readonly items: readonly Item[]
  readonly open: number | undefined
  /** Leaves for which a release waits for somebody else. */
  readonly asked: ReadonlySet<number>
}) {
  const hosts = useHostNames()
  return (
    <ol className="card kept" aria-label="Items, the oldest first">
      {items.map((item) => (
        <li key={item.leaf_index}>
          <button
            type="button"
            data-row
            data-leaf={item.leaf_index}
            aria-current={item.leaf_index === open}
            onClick={() => setQuery({ leaf: String(item.leaf_index) })}
          >
            <span className={`edge ${item.reason}`} />
            <span className="what">
              <b>
                {several(rowsOf(item), 'row')} of {producerName(item.producer, hosts)}
              </b>
              <small>
                <Reason reason={item.reason} />
                <span>{item.key_id === null ? 'no key named' : <code>{item.key_id}</code>}</span>
                {isReason(item.reason) ? <span className="wide">{reasonWords[item.reason].means}</span> : null}
              </small>
            </span>
            <span className="when">
              <State item={item} isAsked={asked.has(item.leaf_index)} />
              <small>
                <Time at={item.quarantined_at} />
              </small>
            </span>
          </button>
        </li>
      ))}
    </ol>
  )
}

export function State({ item, isAsked }: { readonly item: Item; readonly isAsked: boolean }): ReactNode {
  if (isAsked && item.state === 'waiting') return <span className="chip gold">release asked for</span>
  const { text, tone } = stateWords(item)
  return <span className={`chip ${tone}`}>{text}</span>
}
