// SPDX-License-Identifier: Apache-2.0

import { eventClasses } from '@sealwatch/contract'

/** What the probe does for each sensor site, and as what it must come back. The sensor's own list is longer or equal. */
export const acts: Readonly<Record<string, { readonly did: string; readonly classUid: number }>> = {
  exec: { did: 'started a program', classUid: eventClasses.process.uid },
  exit: { did: 'ended a program', classUid: eventClasses.process.uid },
  open: { did: 'opened a watched file by open', classUid: eventClasses.file.uid },
  openat: { did: 'opened a watched file by openat', classUid: eventClasses.file.uid },
  openat2: { did: 'opened a watched file by openat2', classUid: eventClasses.file.uid },
  creat: { did: 'created a watched file by creat', classUid: eventClasses.file.uid },
  ptrace: { did: 'attached to a process', classUid: eventClasses.process.uid },
  process_vm_readv: { did: 'read the memory of a process', classUid: eventClasses.memory.uid },
  process_vm_writev: { did: 'wrote to the memory of a process', classUid: eventClasses.memory.uid },
}
