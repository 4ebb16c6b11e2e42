// SPDX-License-Identifier: Apache-2.0

/** What attacks are made of and texts hardly ever: literals, for there is no time for more. */
const telling =
  /union[^g-z]{1,12}(?:(?:all|distinct)[^g-z]{1,12})?select|drop[^g-z]{1,12}table|information_schema|sleep\(|benchmark\(|waitfor|script(?:>|%3e|\\u003e)|javascript:|onerror|onload|etc(?:\/|%2f)passwd|\.\.\/\.\.\/|%2e%2e|jndi:|<\?php|!entity|bin\/.?.?sh|cmd\.exe|powershell|__class__/gi

const placesMax = 8
/** Around each place: as much before it as behind it. */
const aroundChars = 256

/** Of a text that is not read closely, what stands around the first places that tell of an attack. Places that are close are one. */
export function tellingPlaces(text: string): string[] {
  const places: string[] = []
  telling.lastIndex = 0
  for (let found = telling.exec(text); found !== null && places.length < placesMax; found = telling.exec(text)) {
    const end = found.index + aroundChars
    places.push(text.slice(Math.max(0, found.index - aroundChars), end))
    telling.lastIndex = Math.max(end, telling.lastIndex)
  }
  return places
}
