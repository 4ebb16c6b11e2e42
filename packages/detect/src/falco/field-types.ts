// SPDX-License-Identifier: Apache-2.0

import { nearest } from '@sealwatch/contract/nearest'
import type { FieldType } from './comparison.ts'
import { foreignFields, openFields } from './foreign-fields.ts'
import { kinds } from './kinds.ts'

const named = (type: FieldType, names: string) => names.split(' ').map((name) => [name, type] as const)

/** Fields that are no text. falco.org/docs/reference/rules/supported-fields */
const types: ReadonlyMap<string, FieldType> = new Map([
  ...named('number', 'proc.pid proc.ppid proc.apid proc.tty proc.duration proc.ppid.duration thread.tid'),
  ...named('number', 'user.uid user.loginuid group.gid fd.num fd.port fd.cport fd.sport fd.lport fd.rport'),
  ...named('number', 'evt.num evt.rawres evt.arg.pid'),
  ...named('boolean', 'evt.failed evt.is_open_read evt.is_open_write proc.is_exe_from_memfd'),
  ...named('boolean', 'fd.connected fd.name_changed fd.is_server'),
  ...named('address', 'fd.ip fd.cip fd.sip fd.lip fd.rip fd.net fd.cnet fd.snet fd.lnet fd.rnet'),
])

/** Every field that some kind of event has, in the order of their names. */
export const suppliedFields: readonly string[] = [...new Set(kinds.flatMap(({ fields }) => Object.keys(fields)))].sort()

/** Undefined: no event here has such a field. */
export function fieldType(name: string): FieldType | undefined {
  return types.get(name) ?? (suppliedFields.includes(name) ? 'text' : undefined)
}

/** No field of Falco's; `advice`: which one is meant. */
export class FieldError extends Error {
  override readonly name = 'FieldError'
  readonly advice: string
  constructor(name: string, meant: string) {
    super(name)
    this.advice = `Write ${meant}`
  }
}

/** Plugins bring classes of their own, and fields of others end as people like. */
const closedClasses = /^(?:evt|proc|thread|user|group|container|fd)\./
const allFields: readonly string[] = [...suppliedFields, ...foreignFields]
const known: ReadonlySet<string> = new Set(allFields)

/** Throws FieldError for what is close to a field of Falco's, and is none: one that is close to none may be newer than our list. */
export function checkField(name: string): void {
  if (known.has(name) || openFields.test(name) || !closedClasses.test(name)) return
  const meant = nearest(name, allFields)
  if (meant !== undefined) throw new FieldError(name, meant)
}
