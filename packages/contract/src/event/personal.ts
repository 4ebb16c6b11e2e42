// SPDX-License-Identifier: Apache-2.0

/**
 * Which members hold personal values, by the OCSF object they stand in (docs/formats/event.md, 6). A line carries
 * a commitment in their place; the value lies beside the line.
 */
const personalMembers: Readonly<Record<string, readonly string[]>> = {
  user: ['name', 'full_name', 'email_addr', 'display_name'],
  owner: ['name', 'full_name', 'email_addr', 'display_name'],
}

export const commitmentForm = /^commit:[0-9a-f]{64}$/

/** JSON pointers (RFC 6901) into the line whose `event` is given, in document order. */
export function personalPointers(event: object): readonly string[] {
  const found: string[] = []
  visit(event, '/event', [], found)
  return found
}

/** Is the attribute at this path, e.g. ['actor', 'user', 'name'], of the class personal? */
export function isPersonal(path: readonly string[]): boolean {
  return path.length > 1 && (personalMembers[path.at(-2) as string]?.includes(path.at(-1) as string) ?? false)
}

function visit(value: object, pointer: string, personal: readonly string[], found: string[]): void {
  for (const [member, inner] of Object.entries(value)) {
    const here = `${pointer}/${member.replaceAll('~', '~0').replaceAll('/', '~1')}`
    if (typeof inner === 'string' && personal.includes(member)) found.push(here)
    // `unmapped` is ours and holds nothing personal by definition.
    else if (typeof inner === 'object' && inner !== null && member !== 'unmapped')
      visit(inner, here, personalMembers[member] ?? [], found)
  }
}

/** The personal values of one line, beside it: JSON pointer into the line -> what its commitment commits to. */
export type Side = Readonly<Record<string, { readonly salt: string; readonly value: string }>>
