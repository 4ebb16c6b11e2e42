// SPDX-License-Identifier: Apache-2.0
// Which findings are the same to whoever reads them. Each stays in the ledger with its proof; those that are alike are shown as one, with how many.

import { eventClasses, typeUidOf } from './classes.ts'

/** Counted from the first of them: what goes on longer is told again. Milliseconds. */
export const alikeWithinMs = 600_000

const calls = typeUidOf('kernel', 'invoke')

/**
 * Equal for findings of the same rule about the same actor and object on the same host; undefined for what is no finding.
 * The actor is a program that the same process started for the same user, so that one which is started again and again
 * is one. A host may have sealed anything: what is missing is as good as any other value.
 */
export function likenessOf(event: unknown): string | undefined {
  const rule = at(event, 'finding_info', 'analytic', 'uid')
  if (at(event, 'class_uid') !== eventClasses.finding.uid || typeof rule !== 'string') return undefined
  const incident = incidentOf(event)
  if (incident !== undefined) return JSON.stringify([at(event, 'device', 'uid'), incident])
  const process = at(event, 'actor', 'process')
  const image = at(process, 'file', 'path')
  const parent = at(process, 'parent_process', 'uid')
  const who =
    image === undefined || parent === undefined
      ? at(process, 'uid')
      : [image, parent, at(process, 'euid'), at(event, 'actor', 'user', 'uid')]
  return JSON.stringify([
    rule,
    at(event, 'activity_id'),
    at(event, 'severity_id'),
    at(event, 'device', 'uid'),
    who,
    objectOf(event),
  ])
}

/** Of a guard's incident: alerts of it are one, also where it became graver. */
function incidentOf(event: unknown): string | undefined {
  const { uid, type_uid } = (at(event, 'finding_info', 'related_events', 0) ?? {}) as Record<string, unknown>
  return typeof uid === 'string' && incidentTypes.includes(type_uid) ? incidentForm.exec(uid)?.[1] : undefined
}
const incidentTypes: readonly unknown[] = [typeUidOf('finding', 'create'), typeUidOf('finding', 'update')]
/** How `metadata.uid` of its events ends (docs/formats/event.md, 2.3 and 7.6). */
const incidentForm = /:(inc_[0-9a-f]{16,64})$/

function objectOf(event: unknown): unknown {
  const evidence = at(event, 'evidences', 0)
  const object = at(evidence, 'file', 'path') ?? at(evidence, 'process', 'uid')
  if (object !== undefined) return object
  // Calls that go through all that there is, as of the kernel's programs: one after the other.
  if (at(event, 'finding_info', 'related_events', 0, 'type_uid') === calls) return calls
  const message = at(event, 'message')
  if (typeof message !== 'string') return undefined
  if (at(event, 'actor', 'process') !== undefined) return message.replace(/\(pid \d+\)/g, '')
  // Of what is no process's doing the same is said again with other pids, times and counts; of requests, of another route.
  return [message.replace(/\d+/g, '#'), at(evidence, 'data', 'route')]
}

function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  let inner = value
  for (const step of path)
    inner =
      typeof inner === 'object' && inner !== null && Object.hasOwn(inner, step) ? Reflect.get(inner, step) : undefined
  return inner
}
