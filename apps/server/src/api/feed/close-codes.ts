// SPDX-License-Identifier: Apache-2.0

/** Why a feed ends: RFC 6455, 7.4; from 4000 on our own (docs/api.md, Feed). */
export const closeCodes = {
  SERVER_STOPPING: 1001,
  /** It sent something: a feed is only listened to. */
  MESSAGE_UNWANTED: 1008,
  INTERNAL: 1011,
  /** There was no room any more. */
  TRY_AGAIN: 1013,
  /** Its session or token ended. */
  CREDENTIALS_ENDED: 4401,
  /** It may not listen any more, or its tenant is not there any more. */
  ACCESS_ENDED: 4403,
  /** It took too little. It may come again with the cursor that it is told. */
  TOO_SLOW: 4408,
} as const

export type CloseCause = keyof typeof closeCodes
