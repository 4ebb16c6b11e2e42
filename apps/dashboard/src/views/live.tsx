// SPDX-License-Identifier: Apache-2.0

import { Browser, ListKeys } from './entries/browser.tsx'
import { Page } from './parts/page.tsx'
import { Empty } from './parts/states.tsx'

export const Live = () => (
  <Page title="Live" about="What rules and the server itself found, as it comes." fills acts={<ListKeys />}>
    <Browser
      source="listAlerts"
      label="Alerts, the newest first"
      empty={
        <Empty icon="live" title="Nothing was found">
          <p>Alerts come here the moment a rule fires, with the reason and the proof.</p>
        </Empty>
      }
    />
  </Page>
)
