// SPDX-License-Identifier: Apache-2.0

import { filterProblemText, parseFilter, printFilter } from '@sealwatch/contract/filter'
import type { Option } from '../command.ts'

/** docs/formats/filter.md; '': everything. Read here, so that what is wrong is said before anybody is asked. */
export const filterOption: Option<string> = {
  takes: 'FILTER',
  help: "Only what it lets through, as 'severity>=high and not host=build-7' (docs/formats/filter.md)",
  absent: '',
  read: (text) => {
    const parsed = parseFilter(text)
    return 'filter' in parsed
      ? { value: printFilter(parsed.filter) }
      : { mustBe: `a filter (docs/formats/filter.md): ${filterProblemText(parsed.problem)}` }
  },
}
