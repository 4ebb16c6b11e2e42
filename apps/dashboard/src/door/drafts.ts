// SPDX-License-Identifier: Apache-2.0

import { createDrafts, type Drafts } from '../model/drafts.ts'

/** In this tab, until it is closed. */
export const drafts: Drafts = createDrafts({
  get length() {
    return sessionStorage.length
  },
  key: (at) => sessionStorage.key(at),
  getItem: (name) => sessionStorage.getItem(name),
  setItem: (name, value) => sessionStorage.setItem(name, value),
  removeItem: (name) => sessionStorage.removeItem(name),
})
