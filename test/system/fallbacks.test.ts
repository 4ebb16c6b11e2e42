// SPDX-License-Identifier: Apache-2.0
// AGT-2: the line from a kernel event to a proven alert where BPF does not watch, mode by mode (docs/fallbacks.md).

import { after, before, describe } from 'node:test'
import { testTheLine, withoutBpf } from './modes.ts'
import { type Platform, startPlatform, whyNot } from './platform.ts'

for (const watched of withoutBpf)
  describe(`the line by ${watched.name}`, { skip: whyNot() ?? false }, () => {
    let platform: Platform
    before(async () => {
      platform = await startPlatform(undefined, watched.env)
    })
    after(() => platform.down())

    testTheLine(() => platform, watched)
  })
