// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base'

export const baselineErrors = {
  BASELINE_MALFORMED: {
    kind: 'invalid',
    rule: 'a baseline is rows in order, one a line, and an envelope that signs them as its last line (docs/formats/baseline.md)',
    advice: 'Name a file that ./sealwatch baseline create wrote, whole',
  },
  BASELINE_ALTERED: {
    kind: 'unverified',
    rule: 'the rows of a baseline are those that were signed, byte for byte',
    advice: 'Take the baseline from where you keep it out of reach of the host; whoever altered it is worth finding',
  },
  BASELINE_TOO_LARGE: {
    kind: 'exhausted',
    rule: 'a baseline has 10,000,000 rows at most, and names at most 2,048 bytes of places',
    advice: 'Make several, of fewer places each, or leave some out: --exclude DIR,…',
  },
  BASELINE_EMPTY: {
    kind: 'invalid',
    rule: 'every place that a baseline is of exists, by a name of UTF-8',
    advice: 'Name files and directories that are there: ./sealwatch baseline create /etc /usr',
  },
  BASELINE_WAITING: {
    kind: 'conflict',
    rule: 'what the look before found is sealed before the next one begins',
    advice: 'Let the agent run: sudo ./sealwatch up. It is sealed within seconds, and this file is gone then',
  },
} as const satisfies ErrorTable
export const baselineError = errorsOf(baselineErrors)
