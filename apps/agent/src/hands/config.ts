// SPDX-License-Identifier: Apache-2.0

import { integer, text } from '@sealwatch/base'

export const handsConfigPrefix = 'SEALWATCH_HANDS_'

const user = (env: string, uid: number, help: string, min = 1) =>
  integer({ env, default: uid, min, max: 4_294_967_294, help })

export const handsSettings = {
  dataDir: text({ env: 'SEALWATCH_HANDS_DATA_DIR', help: 'Where the hands keep the standing order' }),
  runDir: text({ env: 'SEALWATCH_HANDS_RUN_DIR', help: 'Where the guard commands them (hands.sock)' }),
  authorityFile: text({
    env: 'SEALWATCH_HANDS_AUTHORITY_FILE',
    help: 'File of root that says which CA the hands believe: JSON with caFingerprint, as trust.json, or caPin, as joined.json',
  }),
  uid: user('SEALWATCH_HANDS_UID', 64_708, 'User the hands run as when started by root'),
  gid: user('SEALWATCH_HANDS_GID', 64_708, 'Group the hands run as when started by root'),
  guardUid: user('SEALWATCH_HANDS_GUARD_UID', 64_707, 'User whose commands are read: that of the guard', 0),
  supervised: text({
    env: 'SEALWATCH_HANDS_SUPERVISED',
    default: 'false',
    form: /^(?:true|false)$/,
    mustBe: 'true or false',
    help: 'Whether what started the hands, and what it starts, is ours and never ended; `sealwatch up` says true',
  }),
} as const
