// SPDX-License-Identifier: Apache-2.0

import type { DifferenceLine } from '@sealwatch/contract/policy'
import type { Io } from '../io.ts'
import { paint, safe } from '../terminal.ts'

const styles = { '+': 'green', '-': 'red', '~': 'yellow', '>': 'cyan' } as const

export const renderDifference = (lines: readonly DifferenceLine[], io: Io): string =>
  lines.map(({ sign, text }) => `${paint(io, styles[sign], `${sign} ${safe(text, 2000)}`)}\n`).join('')
