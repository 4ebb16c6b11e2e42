// SPDX-License-Identifier: Apache-2.0

import { hash } from 'node:crypto'

/** A rule of its own for each name: fires for a program of that name, or of another one, in a folder of programs. */
export function ruleText(name: string, program = name): string {
  const id = hash('sha256', name, 'hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5')
  return `title: The program ${name} starts
id: ${id}
logsource:
  category: process_creation
detection:
  selection:
    Image|endswith: /${program}
  condition: selection
level: high
`
}
