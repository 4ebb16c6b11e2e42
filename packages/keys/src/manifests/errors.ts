// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base/errors'

export const manifestErrors = {
  TRUST_ROOT_MALFORMED: {
    kind: 'invalid',
    rule: 'a trust root has the members of trust-root.md, 2: distinct keys of distinct owners, and thresholds that its keys can reach',
    advice: 'Write it with `sealwatch manifest root init`, and let nothing change its bytes',
  },
  TRUST_ROOT_VERSION: {
    kind: 'conflict',
    rule: 'the versions of a trust root follow each other without a gap (trust-root.md, 4)',
    advice: 'Apply the versions between first; `sealwatch manifest root show` tells which one counts now',
  },
  TRUST_ROOT_UNVERIFIED: {
    kind: 'unverified',
    rule: 'version 1 is signed by the threshold of its own root role, each later one by those of the version before and its own (trust-root.md, 4)',
    advice: 'Let more of its signers sign: `sealwatch manifest root sign FILE`, then `sealwatch manifest collect`',
  },
  TRUST_ROOT_EXPIRED: {
    kind: 'unverified',
    rule: 'under a trust root that has expired only its successor counts (trust-root.md, 5)',
    advice: 'Make the next version: `sealwatch manifest root init --after FILE`, and have it signed',
  },
  MANIFEST_MALFORMED: {
    kind: 'invalid',
    rule: 'a manifest has the members of manifest.md, 2, and lasts at most 30 days',
    advice: 'Write it with `sealwatch manifest create`, and let nothing change its bytes',
  },
  MANIFEST_UNVERIFIED: {
    kind: 'unverified',
    rule: 'as many distinct keys of the role critical have signed a manifest as the trust root asks for (manifest.md, 4)',
    advice: 'Let more of its signers sign: `sealwatch manifest sign FILE`, then `sealwatch manifest collect`',
  },
  MANIFEST_EXPIRED: {
    kind: 'unverified',
    rule: 'a manifest counts from when it was made until it expires (manifest.md, 4)',
    advice: 'Make a new one: `sealwatch manifest create`',
  },
  MANIFEST_REPLAYED: {
    kind: 'conflict',
    rule: 'a manifest is applied once (manifest.md, 5)',
    advice: 'Make a new one: `sealwatch manifest create`',
  },
  MANIFEST_ELSEWHERE: {
    kind: 'denied',
    rule: 'a manifest counts in the deployment, and for the change, that it names (manifest.md, 4)',
    advice: '`sealwatch manifest show FILE` tells what it names; make one for this: `sealwatch manifest create`',
  },
} as const satisfies ErrorTable
export const manifestError = errorsOf(manifestErrors)
