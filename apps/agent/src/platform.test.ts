// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { requireLinux } from './platform.ts'

test('AGT-10 what has no sensor is refused at the start, by its name', () => {
  for (const platform of ['darwin', 'win32', 'freebsd'])
    assert.throws(
      () => requireLinux(platform),
      (error: Error) => error.message.includes(platform) && error.message.includes('PLATFORM_UNWATCHED'),
    )
  requireLinux('linux')
})
