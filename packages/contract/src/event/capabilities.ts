// SPDX-License-Identifier: Apache-2.0

/**
 * Bits of `unmapped.capabilities_mask` (docs/formats/event.md, 5). A set bit: the source itself saw these members at
 * the moment of the act. A clear bit: they are absent, or filled in from memory, and prove nothing.
 */
export const capabilities = {
  /** actor.process.pid, .uid, .created_time */
  actorIdentity: 1 << 0,
  /** actor.process.file.path */
  actorImage: 1 << 1,
  /** actor.user.uid, actor.process.euid, .group */
  actorCredentials: 1 << 2,
  /** actor.process.auid, .session */
  actorLogin: 1 << 3,
  /** actor.process.xattributes: namespaces and cgroup */
  actorContainment: 1 << 4,
  /** actor.process.ancestry: pids and start times (paths are always from memory) */
  actorAncestry: 1 << 5,
  /** file.path, or process.file.path of a launch */
  objectPath: 1 << 6,
  /** file.uid, .owner, .xattributes, or the same of process.file of a launch */
  objectIdentity: 1 << 7,
  /** process.cmd_line of a launch */
  arguments: 1 << 8,
  /** process.pid, .uid, .created_time of another process */
  targetIdentity: 1 << 9,
  /** Every string is whole; clear when one met a limit. */
  untruncated: 1 << 10,
  /** unmapped.variables of a launch: all of its environment was looked through */
  variables: 1 << 11,
  /** src_endpoint, dst_endpoint, connection_info: by the kernel's socket */
  endpoints: 1 << 12,
  // From bit 16 on: what the agent looked up after the act, and of the very process (docs/formats/event.md, 4.5).
  /** actor.process.container, and the units of its xattributes; absent then means: of the host, of no unit */
  actorContainer: 1 << 16,
  /** actor.process.session.terminal; absent then means: it has none */
  actorTerminal: 1 << 17,
  /** process.file.hashes of a launch */
  imageHash: 1 << 18,
  /** file.product, or process.file.product of a launch; absent then means: of no package */
  fileOwner: 1 << 19,
  /** Of a change: `file_result`, `.uid` and `unmapped.watched`, as the sensor found the file right after it */
  fileState: 1 << 20,
} as const

export type Capability = keyof typeof capabilities

export function capabilitiesIn(mask: number): readonly Capability[] {
  return (Object.keys(capabilities) as Capability[]).filter((name) => (mask & capabilities[name]) !== 0)
}
