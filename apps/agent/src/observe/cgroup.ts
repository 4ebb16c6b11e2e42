// SPDX-License-Identifier: Apache-2.0

/** What the names of a process's control groups say of it: whoever made the groups chose the names. */
export type CgroupIdentity = {
  readonly container?: Container
  readonly pod?: { readonly uid: string; readonly qos: QosClass }
  /** Unit of the system's systemd, outside of any container: nginx.service, session-3.scope. */
  readonly unit?: string
  /** Unit of a user's own systemd, below user@UID.service. */
  readonly userUnit?: string
  /** The one path of the unified hierarchy, where there is no other hierarchy: the kernel's cgroup id then names it. */
  readonly onlyPath?: string
}

/** Runtimes that number their containers give the id, the others a name. */
export type Container = { readonly uid?: string; readonly name?: string; readonly runtime?: string }
export type QosClass = 'guaranteed' | 'burstable' | 'besteffort'

const textUnitsMax = 65_536
const linesMax = 64
const segmentsMax = 64
/** NAME_MAX: a directory's name is not longer. */
const nameUnitsMax = 255

/**
 * /proc/PID/cgroup (cgroups(7)): lines of "hierarchy:controllers:path". The unified hierarchy is asked first, then systemd's
 * own, then those of controllers: on hybrid hosts a runtime may be in the last alone. Takes any text.
 */
export function parseCgroups(text: string): CgroupIdentity {
  const rows = text
    .slice(0, textUnitsMax)
    .split('\n', linesMax)
    .flatMap((line) => /^(\d+):([^:]*):(\/.*)$/s.exec(line)?.slice(1) ?? [])
  const paths = Array.from({ length: rows.length / 3 }, (_, i) => ({
    controllers: rows[3 * i + 1] as string,
    path: (rows[3 * i + 2] as string).replace(/ \(deleted\)$/, ''),
  }))
  const rank = ({ controllers }: { controllers: string }) =>
    controllers === '' ? 0 : controllers === 'name=systemd' ? 1 : 2
  const told = paths.toSorted((one, other) => rank(one) - rank(other)).map(({ path }) => parsePath(path))
  const [only] = paths.length === 1 && paths[0]?.controllers === '' ? paths : []
  return {
    ...(told.find(({ container }) => container) ?? told.find(({ unit }) => unit)),
    ...(only && { onlyPath: only.path }),
  }
}

/**
 * The outermost container of a path counts: what is below a container's group, or in it, is named by whoever is in there.
 */
export function parsePath(path: string): CgroupIdentity {
  const segments = path
    .split('/', segmentsMax)
    .filter((segment) => segment !== '' && segment !== '..' && segment.length <= nameUnitsMax)
  let pod: CgroupIdentity['pod']
  let unit: string | undefined
  let userUnit: string | undefined
  for (const [index, segment] of segments.entries()) {
    pod ??= podOf(segment, segments[index - 1])
    const container = containerOf(segment, segments[index - 1], segments[index + 1])
    // What keeps a container, conmon or LXC's monitor, is a process of the host.
    if (container !== undefined) return { container, ...(pod && { pod }) }
    if (!isUnit(segment)) continue
    if (unit === undefined) unit = segment
    else if (unit.startsWith('user@')) userUnit ??= segment
  }
  return { ...(unit !== undefined && { unit }), ...(userUnit !== undefined && { userUnit }) }
}

const id = '(?<id>[0-9a-f]{64})'
const scopes: readonly (readonly [RegExp, string])[] = [
  [new RegExp(`^docker-${id}\\.scope$`), 'docker'],
  [new RegExp(`^cri-containerd-${id}\\.scope$`), 'containerd'],
  [new RegExp(`^nerdctl-${id}\\.scope$`), 'containerd'],
  // What runc takes for a path where it was given a scope, and systemd is not used: "<slice>:<prefix>:<id>".
  [new RegExp(`^[^:]*:cri-containerd:${id}$`), 'containerd'],
  [new RegExp(`^[^:]*:docker:${id}$`), 'docker'],
  [new RegExp(`^crio-${id}(?:\\.scope)?$`), 'cri-o'],
  [new RegExp(`^libpod-(?:payload-)?${id}(?:\\.scope)?$`), 'podman'],
]
const bareId = new RegExp(`^${id}$`)
const name = '(?<name>[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,62}[A-Za-z0-9])?)'
const lxcPayload = new RegExp(`^lxc\\.payload\\.${name}$`)
const justName = new RegExp(`^${name}$`)
const nspawnUnit = new RegExp(`^systemd-nspawn@${name}\\.service$`)
const machineScope = new RegExp(`^machine-${name}\\.scope$`)

function containerOf(segment: string, before: string | undefined, after: string | undefined): Container | undefined {
  for (const [form, runtime] of scopes) {
    const uid = form.exec(segment)?.groups?.id
    if (uid !== undefined) return { uid, runtime }
  }
  const uid = bareId.exec(segment)?.groups?.id
  // Below anything else an id alone does not say who runs it: containerd's namespaces, pods under cgroupfs, ECS.
  if (uid !== undefined) return { uid, ...(before === 'docker' && { runtime: 'docker' }) }
  return lxcOf(segment, before) ?? machineOf(segment, before, after)
}

function lxcOf(segment: string, before: string | undefined): Container | undefined {
  const isBelow = before === 'lxc' || before === 'lxc.payload'
  const found = (lxcPayload.exec(segment) ?? (isBelow ? justName.exec(segment) : null))?.groups?.name
  return found === undefined ? undefined : { name: found, runtime: 'lxc' }
}

function machineOf(segment: string, before: string | undefined, after: string | undefined): Container | undefined {
  if (before !== 'machine.slice' || after === 'supervisor') return undefined
  const plain = unescapeUnit(segment)
  const found = (nspawnUnit.exec(plain) ?? machineScope.exec(plain))?.groups?.name
  // libvirt registers its virtual machines in the same slice; their guests are no processes of this kernel.
  if (found === undefined || found.startsWith('qemu-')) return undefined
  return { name: found, runtime: found.startsWith('lxc-') ? 'libvirt-lxc' : 'systemd-nspawn' }
}

const podUid = '(?<uid>[0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})'
const podSlice = new RegExp(`(?:^|-)kubepods(?:-(?<qos>burstable|besteffort))?-pod${podUid}\\.slice(?::|$)`)
const podGroup = new RegExp(`^pod${podUid}$`)

/** The kubelet's groups: pods that are guaranteed stand directly below the root of all pods. */
function podOf(segment: string, before: string | undefined): CgroupIdentity['pod'] {
  const slice = podSlice.exec(segment)?.groups
  if (slice !== undefined) return { uid: dashed(slice.uid as string), qos: (slice.qos as QosClass) ?? 'guaranteed' }
  const group = podGroup.exec(segment)?.groups
  if (group === undefined || !['kubepods', 'burstable', 'besteffort'].includes(before as string)) return undefined
  return { uid: dashed(group.uid as string), qos: before === 'kubepods' ? 'guaranteed' : (before as QosClass) }
}

const dashed = (uid: string) => uid.replaceAll('_', '-')

/** systemd.unit(5). Slices hold units, no processes. */
const isUnit = (segment: string) => /^[A-Za-z0-9:_.\\@-]+\.(?:service|scope|socket|mount|swap)$/.test(segment)

/** systemd.unit(5): "\x2d" for "-". */
function unescapeUnit(segment: string): string {
  return segment.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}
