// SPDX-License-Identifier: Apache-2.0

import { setQuery, useHere } from '../door/here.ts'
import { Browser, ListKeys } from './entries/browser.tsx'
import { FilterBox } from './entries/filter-box.tsx'
import { Page } from './parts/page.tsx'
import { Empty } from './parts/states.tsx'

export function Events() {
  const { query } = useHere()
  const filter = query.get('filter') ?? ''
  return (
    <Page
      title="Events"
      about="Every line of the ledger that tells of an event; with kind=… any line at all."
      fills
      acts={<ListKeys />}
    >
      <Browser
        source="listEvents"
        filter={filter}
        label="Events, the newest first"
        head={<FilterBox key={filter} value={filter} apply={(next) => setQuery({ filter: next, leaf: undefined })} />}
        empty={
          <Empty icon="list" title={filter === '' ? 'There are no events yet' : 'No line is as the filter says'}>
            <p>{filter === '' ? 'They come with the first host that enrols.' : 'Ask for less, or for another time.'}</p>
          </Empty>
        }
      />
    </Page>
  )
}
