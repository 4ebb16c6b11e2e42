// SPDX-License-Identifier: Apache-2.0

/**
 * Which members hold personal values, by the OCSF object they stand in (docs/formats/event.md, 6). A line carries
 * a commitment in their place; the value lies beside the line.
 */
const personalMembers: Readonly<Record<string, readonly string[]>> = {
  user: ['name', 'full_name', 'email_addr', 'display_name'],
  owner: ['name', 'full_name', 'email_addr', 'display_name'],
}

const none: readonly string[] = []

export const commitmentForm = /^commit:[0-9a-f]{64}$/

/** JSON pointers (RFC 6901) into the line whose `event` is given, in document order. */
export function personalPointers(event: object): readonly string[] {
  const found: string[] = []
  visit(event, ['event'], none, found)
  return found
}

/** Is the attribute at this path, e.g. ['actor', 'user', 'name'], of the class personal? */
export function isPersonal(path: readonly string[]): boolean {
  return path.length > 1 && (personalMembers[path.at(-2) as string]?.includes(path.at(-1) as string) ?? false)
}

function visit(holder: object, path: string[], personal: readonly string[], found: string[]): void {
  for (const member in holder) {
    const value = (holder as Readonly<Record<string, unknown>>)[member]
    path.push(member)
    if (typeof value === 'string' && personal.includes(member)) found.push(pointerOf(path))
    // `unmapped` is ours and holds nothing personal by definition.
    else if (typeof value === 'object' && value !== null && member !== 'unmapped')
      visit(value, path, personalMembers[member] ?? none, found)
    path.pop()
  }
}

function pointerOf(path: readonly string[]): string {
  return path.map((member) => `/${member.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

/** The personal values of one line, beside it: JSON pointer into the line -> what its commitment commits to. */
export type Side = Readonly<Record<string, { readonly salt: string; readonly value: string }>>
