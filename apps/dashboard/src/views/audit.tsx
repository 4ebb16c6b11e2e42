// SPDX-License-Identifier: Apache-2.0

import { Browser, ListKeys } from './entries/browser.tsx'
import { Page } from './parts/page.tsx'
import { Empty } from './parts/states.tsx'

export const Audit = () => (
  <Page
    title="Audit"
    about="What people and programs did in this tenant, or were denied. Each act is a line of the ledger, with its proof."
    fills
    acts={<ListKeys />}
  >
    <Browser
      source="listActs"
      label="Acts, the newest first"
      empty={
        <Empty icon="audit" title="Nobody has done anything yet">
          <p>Log-ins, grants, tokens, policies, exports and denials come here.</p>
        </Empty>
      }
    />
  </Page>
)
