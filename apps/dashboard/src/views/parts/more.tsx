// SPDX-License-Identifier: Apache-2.0

import { counted } from '../../model/words.ts'
import type { AskedPages } from '../session.ts'

/** Below a list that comes page by page: what follows, until it is whole. */
export function More({ of }: { readonly of: AskedPages<unknown> }) {
  const { data, hasNextPage, isFetchingNextPage } = of
  if (data === undefined || (data.pages === 1 && !hasNextPage)) return null
  const count = counted(data.items.length)
  return (
    <p className="more" role="status">
      {hasNextPage ? (
        <button type="button" className="button" disabled={isFetchingNextPage} onClick={() => void of.fetchNextPage()}>
          Show more
        </button>
      ) : null}
      <small>{hasNextPage ? `${count} are shown` : `All ${count} are shown`}</small>
    </p>
  )
}
