// SPDX-License-Identifier: Apache-2.0

import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js'
import type { Sha256 } from '@sealwatch/ledger/verify'

export const sha256: Sha256 = nobleSha256
