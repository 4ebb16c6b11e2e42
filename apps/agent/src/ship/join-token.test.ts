// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isSealwatchError } from '@sealwatch/base'
import { pinOf } from './join-token.ts'

const secret = 'A'.repeat(43)
const pin = '0123456789abcdef'.repeat(2)

test('the pin is read from a whole token alone, and no error repeats the token', () => {
  assert.equal(pinOf(`swj_${secret}.${pin}`), pin)
  for (const token of [
    '',
    secret,
    `swj_${secret}`,
    `swj_${secret}.${pin}0`,
    `swj_${secret}.${pin.toUpperCase()}`,
    ` swj_${secret}.${pin}`,
  ])
    assert.throws(
      () => pinOf(token),
      (error) => isSealwatchError(error, 'JOIN_TOKEN_MALFORMED') && (token === '' || !error.message.includes(token)),
    )
})
