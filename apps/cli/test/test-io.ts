// SPDX-License-Identifier: Apache-2.0

import { join } from 'node:path'
import { systemClock } from '@sealwatch/base'
import type { Io } from '../src/io.ts'

export type TestIo = Io & { readonly said: () => string; readonly complained: () => string }

/** An Io that remembers what was written. */
export function testIo(overrides: Partial<Io> = {}): TestIo {
  let out = ''
  let err = ''
  return {
    out: (text) => {
      out += text
    },
    err: (text) => {
      err += text
    },
    said: () => out,
    complained: () => err,
    outTty: false,
    errTty: false,
    color: false,
    columns: 80,
    env: {},
    uid: 0,
    readLine: async () => '',
    clock: systemClock,
    stop: new AbortController().signal,
    kill: new AbortController().signal,
    root: join(import.meta.dirname, '../../..'),
    version: '0.1.0',
    ...overrides,
  }
}
