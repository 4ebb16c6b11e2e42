// SPDX-License-Identifier: Apache-2.0
// Whom no policy denies anything (docs/formats/policy.md, 8.4): of the network as apps/sensor/policy.bpf.h has it, of files and programs as warden.c.

import type { ObservedEvent } from '@sealwatch/contract'
import { isOwnUser } from '../own-users.ts'

/** Process numbers of this agent, whatever its user is, and of who started it. */
export type Running = { readonly agent: number; readonly supervisor: number }

export function isSpared(event: ObservedEvent, running: Running): boolean {
  const { actor } = event
  const { process } = actor
  const isOurs = 'user' in actor && isOwnUser(Number(actor.user?.uid))
  if ('dst_endpoint' in event) return isOurs || process.pid === running.agent
  return (
    isOurs ||
    isOwnUser(process.euid ?? -1) ||
    process.pid === 1 ||
    // What a service manager starts is everything.
    (running.supervisor > 1 && [process.pid, process.parent_process?.pid].includes(running.supervisor))
  )
}
