// SPDX-License-Identifier: Apache-2.0

import { hash } from 'node:crypto'

/** By way of a string: for 32 bytes that takes two thirds of the time of a Buffer made by the hash itself. */
export const sha256 = (data: Uint8Array): Uint8Array => Buffer.from(hash('sha256', data, 'latin1'), 'latin1')
