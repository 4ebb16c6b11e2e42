// SPDX-License-Identifier: Apache-2.0

/** Puts a value at the end of a map, and forgets what is longest in it beyond `most`. */
export function remember<K, V>(map: Map<K, V>, key: K, value: V, most: number): void {
  map.delete(key)
  map.set(key, value)
  if (map.size <= most) return
  for (const oldest of map.keys()) {
    map.delete(oldest)
    return
  }
}
