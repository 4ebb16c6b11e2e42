// SPDX-License-Identifier: Apache-2.0

/** Of several architectures of a package dpkg holds the same version. */
export type InstalledPackage = { readonly name: string; readonly version: string }

/** Where files of every package but `by` lie that would lie at `from`; null: of every package, the administrator said so. */
export type Diversion = { readonly from: string; readonly to: string; readonly by: string | null }

const packagesMax = 65_535

/** /var/lib/dpkg/status, deb-control(5): those whose files are there. */
export function parseStatus(text: string): InstalledPackage[] {
  const installed: InstalledPackage[] = []
  for (const paragraph of text.split('\n\n')) {
    const name = /^Package: (\S+)$/m.exec(paragraph)?.[1]
    const version = /^Version: (\S+)$/m.exec(paragraph)?.[1]
    const isThere = /^Status: \S+ \S+ (?:unpacked|half-configured|triggers-awaited|triggers-pending|installed)$/m.test(
      paragraph,
    )
    if (isThere && name !== undefined && version !== undefined && installed.length < packagesMax)
      installed.push({ name, version })
  }
  return installed
}

/** /var/lib/dpkg/diversions, dpkg-divert(1): three lines each; ":" stands for the administrator. */
export function parseDiversions(text: string): Diversion[] {
  const lines = text.split('\n')
  return Array.from({ length: Math.floor(lines.length / 3) }, (_, i) => {
    const [from = '', to = '', by = ''] = lines.slice(3 * i, 3 * i + 3)
    return { from, to, by: by === ':' ? null : by }
  }).filter(({ from, to }) => from.startsWith('/') && to.startsWith('/'))
}

/** Where a package's file really lies: `links` are top folders that are links now (/bin -> usr/bin). */
export function placeOf(
  path: string,
  owner: string,
  diversions: ReadonlyMap<string, Diversion>,
  links: ReadonlyMap<string, string>,
): string {
  const diversion = diversions.get(path)
  const lies = diversion !== undefined && diversion.by !== owner ? diversion.to : path
  const end = lies.indexOf('/', 1)
  const target = end < 0 ? undefined : links.get(lies.slice(0, end))
  return target === undefined ? lies : target + lies.slice(end)
}
