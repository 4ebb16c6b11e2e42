// SPDX-License-Identifier: Apache-2.0
// Falco's fields about who acts: the same in every event. falco.org/docs/reference/rules/supported-fields

import { capabilities } from '@sealwatch/contract'
import type { Found } from '../reading.ts'
import { at, changed, partOf, plain, type Source, told, toldOfAll } from './source.ts'

type First = Found | undefined
const sees = (mask: First, bit: number) => mask !== undefined && (Number(mask.text) & bit) !== 0
const maskAt = 'unmapped/capabilities_mask'

/** What the arguments were joined with stands in them, too: the first is what is before the first space. */
const programOf = (text: string) => text.split(' ', 1)[0]
const argumentsOf = (text: string) => (text.includes(' ') ? text.slice(text.indexOf(' ') + 1) : '')
/** Falco's command line: the process's name, and its arguments but the first. */
const commandLine = (name: string, cmdLine: string): Source =>
  told([name, cmdLine], ([name, line]) => {
    if (name === undefined || line === undefined) return []
    return changed(line, line.text.includes(' ') ? `${name.text} ${argumentsOf(line.text)}` : name.text)
  })

/** The fields of one process's arguments, wherever the event has them. */
export const argumentFields = (name: string, cmdLine: string) => ({
  'proc.exe': partOf(cmdLine, programOf),
  'proc.args': partOf(cmdLine, argumentsOf),
  'proc.cmdline': commandLine(name, cmdLine),
  'proc.exeline': at(cmdLine),
})

/** Of proc.aname[2] the grandparent's; of proc.aname any of theirs, without the process's own. */
function ofAncestors(own: string, member: string, tell: (text: string) => string = (text) => text): Source {
  const all = `actor/process/ancestry/*/${member}`
  return toldOfAll(
    [own, all],
    ([own, theirs], argument) => {
      const pointer = `/event/actor/process/ancestry/${Number(argument) - 1}/${member}`
      const meant =
        argument === undefined ? theirs : argument === '0' ? own : theirs.filter((found) => found.pointer === pointer)
      return meant.flatMap((found) => changed(found, tell(found.text)))
    },
    { rests: (argument) => ({ on: argument === '0' ? own : all, isPart: true }) },
  )
}
const ofParent = ({ open, rests }: Source): Source => ({
  open: (attributes) => open(attributes, '1'),
  ...(rests && { rests: () => rests('1') }),
})

/** Falco names a memfd without the slash that the kernel's path has. */
const imagePath = (path: string) => path.replace(/^\/memfd:/, 'memfd:')
const names = ofAncestors('actor/process/name', 'name')
const images = ofAncestors('actor/process/file/path', 'path', imagePath)
const pids = ofAncestors('actor/process/pid', 'pid')

const nsOfMs = 1_000_000
const since = (created: string): Source =>
  told(['time', created], ([now, then]) =>
    now && then ? changed(then, String((Number(now.text) - Number(then.text)) * nsOfMs)) : [],
  )

/** <linux/major.h>: Falco gives a terminal by its device number, and none as 0. */
const terminalForms: readonly (readonly [RegExp, number])[] = [
  [/^pts\/(\d{1,5})$/, 136 << 8],
  [/^tty(\d{1,2})$/, 4 << 8],
  [/^ttyS(\d{1,2})$/, (4 << 8) + 64],
]
const terminalNumber = (name: string): string | undefined =>
  terminalForms.flatMap(([form, base]) => {
    const [, number] = form.exec(name) ?? []
    return number === undefined ? [] : [String(base + Number(number))]
  })[0]
const terminal = told(['actor/process/session/terminal', maskAt], ([name, mask]) => {
  if (name !== undefined) return changed(name, terminalNumber(name.text))
  return sees(mask, capabilities.actorTerminal) ? [plain('0')] : []
})

/** Falco's user is the effective one; an event names the real one. */
const userName = told(['actor/user/name', 'actor/user/uid', 'actor/process/euid'], ([name, uid, euid]) => {
  if (euid?.text === '0') return changed(euid, 'root')
  return name !== undefined && uid?.text === euid?.text ? [name] : []
})
const loginUser = told(['actor/process/auid', maskAt], ([auid, mask]) => {
  if (auid !== undefined) return [auid]
  return sees(mask, capabilities.actorLogin) ? [plain('-1')] : []
})

const container = 'actor/process/container'
const shortIdUnits = 12
/** What a container has, or of a process that is in none `host`, where Falco says so. */
const ofContainer = (member: string): Source =>
  told([`${container}/${member}`, `${container}/uid`, `${container}/name`, maskAt], ([found, uid, name, mask]) => {
    if (found !== undefined) return [found]
    return uid === undefined && name === undefined && sees(mask, capabilities.actorContainer) ? [plain('host')] : []
  })
/** Name, tag and digest of an image: registry:5000/name:tag@digest. */
const imageForm = /^([^@]*?)(?::([^:/@]*))?(?:@(.*))?$/
const ofImage = (part: 1 | 2) => partOf(`${container}/image/name`, (image) => imageForm.exec(image)?.[part])

export const actorFields: Readonly<Record<string, Source>> = {
  ...argumentFields('actor/process/name', 'actor/process/cmd_line'),
  'proc.name': at('actor/process/name'),
  'proc.pid': at('actor/process/pid'),
  'proc.exepath': partOf('actor/process/file/path', imagePath),
  'proc.tty': terminal,
  'proc.duration': since('actor/process/created_time'),
  'proc.aname': names,
  'proc.apid': pids,
  'proc.aexepath': images,
  'proc.pname': ofParent(names),
  'proc.ppid': ofParent(pids),
  'proc.pexepath': ofParent(images),
  'proc.pexe': partOf('actor/process/parent_process/cmd_line', programOf),
  'proc.pcmdline': commandLine('actor/process/parent_process/name', 'actor/process/parent_process/cmd_line'),
  'proc.ppid.duration': since('actor/process/parent_process/created_time'),
  'thread.tid': at('actor/process/ptid'),
  'user.uid': at('actor/process/euid'),
  'user.name': userName,
  'user.loginuid': loginUser,
  'group.gid': at('actor/process/group/uid'),
  'container.id': told([`${container}/uid`, `${container}/name`, maskAt], ([uid, name, mask]) => {
    if (uid !== undefined) return changed(uid, uid.text.slice(0, shortIdUnits))
    if (name !== undefined) return [name]
    return sees(mask, capabilities.actorContainer) ? [plain('host')] : []
  }),
  'container.full_id': ofContainer('uid'),
  'container.name': ofContainer('name'),
  'container.type': ofContainer('runtime'),
  'container.image': at(`${container}/image/name`),
  'container.image.repository': ofImage(1),
  'container.image.tag': ofImage(2),
  'k8s.pod.uid': at(`${container}/pod_uuid`),
  'evt.hostname': at('device/hostname'),
}
