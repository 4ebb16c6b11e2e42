// SPDX-License-Identifier: Apache-2.0

import { hash } from 'node:crypto'

export const sha256 = (data: Uint8Array): Uint8Array => hash('sha256', data, 'buffer')
