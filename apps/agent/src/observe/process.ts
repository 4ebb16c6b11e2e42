// SPDX-License-Identifier: Apache-2.0

import type { OcsfProcess, OcsfProcessEntity } from '@sealwatch/contract'
import type { Task, TaskRef } from '../sources/observation.ts'
import { type RecordContext, unixMs } from './context.ts'
import { imageOf } from './file.ts'
import type { KnownProcess, ProcessTable } from './process-table.ts'

type ProcessContext = RecordContext & { readonly processes: ProcessTable }

/** The acting process: identity, credentials and ancestry by the kernel's word, paths and arguments from memory. */
export function actorProcess(task: Task, context: ProcessContext): OcsfProcess {
  const known = context.processes.find(task)
  const [parent] = task.ancestors
  return {
    ...identity(task, context),
    ...whatItRuns({ exe: task.exe, cmdLine: known?.cmdLine ?? null }),
    ptid: task.tid,
    euid: task.euid,
    group: { uid: String(task.gid) },
    ...(task.loginUid !== null && { auid: task.loginUid }),
    ...(task.sessionId !== null && { session: { uid: String(task.sessionId) } }),
    ...(parent && { parent_process: rememberedProcess(parent, context) }),
    ancestry: task.ancestors.map((ancestor) => ancestorEntity(ancestor, context)),
    xattributes: {
      pid_namespace: task.pidNs,
      mount_namespace: task.mntNs,
      cgroup_id: String(task.cgroupId),
    },
  }
}

/** The acting process where it is also what is acted on: its descent and credentials are told once, at the actor. */
export function asObject({ pid, uid, name, created_time, file, cmd_line }: OcsfProcess): OcsfProcess {
  return {
    pid,
    uid,
    name,
    ...(created_time !== undefined && { created_time }),
    ...(file && { file }),
    ...(cmd_line !== undefined && { cmd_line }),
  }
}

/** Another process: the kernel named it, the table knows what it runs. */
export function rememberedProcess(ref: TaskRef, context: ProcessContext): OcsfProcess {
  const known = context.processes.find(ref)
  return {
    ...identity(ref, context),
    ...(known && { ...whatItRuns(known), user: { uid: String(known.uid) } }),
  }
}

function ancestorEntity(ref: TaskRef, context: ProcessContext): OcsfProcessEntity {
  const path = context.processes.find(ref)?.exe ?? null
  return { ...identity(ref, context), ...(path !== null && { path }) }
}

function identity({ pid, startNs, comm }: TaskRef, context: RecordContext): OcsfProcessEntity {
  // It ended before the sensor could look it up: only its number is known.
  const isKnown = startNs > 0n
  return { pid, uid: `${pid}:${startNs}`, name: comm, ...(isKnown && { created_time: unixMs(startNs, context) }) }
}

function whatItRuns({ exe, cmdLine }: Pick<KnownProcess, 'exe' | 'cmdLine'>): Pick<OcsfProcess, 'file' | 'cmd_line'> {
  return { ...(exe !== null && { file: imageOf(exe) }), ...(cmdLine !== null && { cmd_line: cmdLine }) }
}
