// SPDX-License-Identifier: Apache-2.0
// How tests without a browser use a one-time link.

/** What the button of the link's page sends. */
export function pressOf(link: string) {
  const { origin, pathname, searchParams } = new URL(link)
  const headers = { origin, 'content-type': 'application/x-www-form-urlencoded' }
  return { method: 'POST', path: pathname, headers, body: searchParams.toString() } as const
}

/** Where the page goes on to that comes of it. */
export function onwardOf(page: string): string {
  const [, url] = /<meta http-equiv="refresh" content="0; url=([^"]+)">/.exec(page) ?? []
  if (url === undefined) throw new Error(`a page that goes on to nowhere: ${page}`)
  return url.replaceAll(/&#(\d+);/g, (_escape, unit: string) => String.fromCodePoint(Number(unit)))
}
