// SPDX-License-Identifier: Apache-2.0
// Becomes another user but for CAP_KILL, and prints what is left to each of its threads and what it can still do.

import { readdirSync, readFileSync, statSync } from 'node:fs'
import process from 'node:process'
import { asUser, dropPrivileges } from '../privileges.ts'

const [pid = '', secret = ''] = process.argv.slice(2)
const tried = (what: () => unknown) => {
  try {
    what()
    return 'ok'
  } catch (error) {
    return (error as NodeJS.ErrnoException).code
  }
}
const owner = statSync(secret)
const readAsOwner = asUser(owner, () => `${process.geteuid?.()} ${readFileSync(secret, 'utf8')}`)
const readAsOther = asUser({ uid: 64_700, gid: 64_700 }, () => tried(() => readFileSync(secret)))
dropPrivileges({ uid: 64_708, gid: 64_708 }, ['CAP_KILL'])
const threads = readdirSync('/proc/self/task').map((thread) => {
  const status = readFileSync(`/proc/self/task/${thread}/status`, 'latin1')
  const [uids, ...sets] = ['Uid', 'CapInh', 'CapPrm', 'CapEff', 'CapAmb'].map(
    (name) => new RegExp(`^${name}:\\t(.*)$`, 'm').exec(status)?.[1],
  )
  return { isFirst: Number(thread) === process.pid, uids, sets: sets.map((set) => Number.parseInt(set ?? '', 16)) }
})
const killed = tried(() => process.kill(Number(pid), 'SIGKILL'))
process.stdout.write(
  JSON.stringify({ readAsOwner, readAsOther, threads, killed, read: tried(() => readFileSync(secret)) }),
)
