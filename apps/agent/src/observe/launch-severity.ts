// SPDX-License-Identifier: Apache-2.0

import type { SeverityName } from '@sealwatch/contract'
import type { Observation } from '../sources/observation.ts'

/** Of an exec: known before its event is made, for under overload it may not be made at all (docs/formats/event.md, 3.2, 9). */
export function launchSeverity({
  variables,
  file,
  networkDescriptors,
}: Extract<Observation, { kind: 'exec' }>): SeverityName {
  return variables.length === 0 && networkDescriptors.length === 0 && !file.memfd ? 'informational' : 'low'
}
