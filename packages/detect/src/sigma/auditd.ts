// SPDX-License-Identifier: Apache-2.0

import { typeUidOf } from '@sealwatch/contract'
import { actor, at, type FieldTable, neverThere } from './fields.ts'
import { type LogSource, typesOf } from './log-sources.ts'

/**
 * What the records of auditd say, as far as our events say it: a launch stands for SYSCALL, EXECVE, PATH and PROCTITLE, what is
 * done to a file for SYSCALL and PATH. The words of a command line are a0 to a63, so that an argument with blanks
 * counts as several. docs/formats/sigma.md, 5.2.
 */
const fields: FieldTable = {
  ...actor,
  type: at('type_uid/#record'),
  SYSCALL: at('unmapped/site/#call', 'kernel/system_call'),
  syscall: at('unmapped/site/#call', 'kernel/system_call'),
  ...Object.fromEntries(Array.from({ length: 64 }, (_, word) => [`a${word}`, at(`process/cmd_line/#${word}`)])),
  name: at('file/path', 'unmapped/filename', 'process/file/path'),
  exe: at('actor/process/file/path'),
  comm: at('actor/process/name'),
  proctitle: at('actor/process/cmd_line'),
  pid: at('actor/process/pid'),
  ppid: at('actor/process/parent_process/pid'),
  uid: at('actor/user/uid'),
  euid: at('actor/process/euid'),
  gid: at('actor/process/group/uid'),
  auid: at('actor/process/auid'),
  ses: at('actor/process/session/uid'),
  tty: at('actor/process/session/terminal'),
  ...neverThere(
    ...[
      'argc',
      'arch',
      'success',
      'exit',
      'items',
      'key',
      'cwd',
      'item',
      'inode',
      'dev',
      'mode',
      'nametype',
      'saddr',
      'data',
    ],
    ...[
      'msg',
      'suid',
      'fsuid',
      'egid',
      'sgid',
      'fsgid',
      'ouid',
      'ogid',
      'op',
      'acct',
      'addr',
      'hostname',
      'terminal',
      'res',
    ],
    ...[
      'unit',
      'grantors',
      'id',
      'old_auid',
      'new_auid',
      'subj',
      'sig',
      'laddr',
      'lport',
      'cmd',
      'UID',
      'EUID',
      'AUID',
    ],
  ),
}

export const auditd: LogSource = {
  types: [
    typeUidOf('process', 'launch'),
    typeUidOf('process', 'open'),
    typeUidOf('process', 'inject'),
    typeUidOf('process', 'setUserId'),
    ...(['memory', 'file', 'kernel', 'kernelExtension', 'network'] as const).flatMap(typesOf),
  ],
  fields,
  isOpen: true,
  text: ['process/cmd_line', 'actor/process/cmd_line', 'file/path'],
}
