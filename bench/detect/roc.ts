// SPDX-License-Identifier: Apache-2.0

/** Shares, from 0 to 1: of honest requests that are taken for attacks, and of attacks that are found, at one threshold. */
export type Point = { readonly falsePositives: number; readonly found: number }
export type Curve = { readonly name: string; readonly points: readonly Point[]; readonly chosen: Point }

/** From the strictest threshold to none. Requests of one score come together. */
export function rocOf(attacks: readonly number[], honest: readonly number[]): Point[] {
  const thresholds = [...new Set([...attacks, ...honest])].sort((a, b) => b - a)
  const above = (scores: readonly number[]) => {
    const sorted = [...scores].sort((a, b) => b - a)
    let count = 0
    return (threshold: number) => {
      while (count < sorted.length && (sorted[count] as number) >= threshold) count += 1
      return count / Math.max(1, sorted.length)
    }
  }
  const [found, wrong] = [above(attacks), above(honest)]
  return thresholds.map((threshold) => ({ falsePositives: wrong(threshold), found: found(threshold) }))
}

/** The most that is found at no more false positives than this. */
export const foundAt = (points: readonly Point[], falsePositives: number): number =>
  points.reduce((best, point) => (point.falsePositives <= falsePositives ? Math.max(best, point.found) : best), 0)

/** False positives are drawn by their logarithm, from one in 10,000: it is there that one decides. */
const [least, width, height] = [1e-4, 61, 20]
const placeOf = (falsePositives: number) => 1 + Math.log10(Math.max(falsePositives, least)) / -Math.log10(least)

/** A letter for each curve, and a capital one where its own threshold lies. */
export function drawText(curves: readonly Curve[]): string {
  const rows = Array.from({ length: height + 1 }, () => Array<string>(width).fill(' '))
  const put = (x: number, share: number, sign: string) => {
    const row = rows[Math.round((1 - share) * height)]
    if (row !== undefined) row[x] = sign
  }
  const letterOf = (at: number) => String.fromCharCode(97 + at)
  for (const [at, { points }] of curves.entries())
    for (let x = 0; x < width; x += 1) put(x, foundAt(points, least ** (1 - x / (width - 1))), letterOf(at))
  for (const [at, { chosen }] of curves.entries())
    put(Math.round(placeOf(chosen.falsePositives) * (width - 1)), chosen.found, letterOf(at).toUpperCase())
  const percent = (share: number) => `${Math.round(100 * share)} %`.padStart(6)
  return [
    'found, by the share of honest requests that are taken for attacks (capital: its own threshold)',
    ...rows.map((row, at) => `${at % 5 === 0 ? percent(1 - at / height) : '      '} |${row.join('')}`),
    `       +${'-'.repeat(width)}`,
    `       ${['0.01 %', '0.1 %', '1 %', '10 %'].map((tick) => tick.padEnd(15)).join('')}100 %`,
    ...curves.map(({ name }, at) => `       ${letterOf(at)}  ${name}`),
  ].join('\n')
}

const [svgWidth, svgHeight, left, right, top, bottom] = [760, 400, 64, 280, 24, 48]
const colours = ['#0969da', '#1a7f37', '#bf3989', '#9a6700', '#57606a']

export function drawSvg(curves: readonly Curve[]): string {
  const x = (falsePositives: number) => left + placeOf(falsePositives) * (svgWidth - left - right)
  const y = (share: number) => top + (1 - share) * (svgHeight - top - bottom)
  const text = (atX: number, atY: number, anchor: string, words: string, fill = '#57606a') =>
    `<text x="${atX.toFixed(1)}" y="${atY.toFixed(1)}" text-anchor="${anchor}" fill="${fill}">${words}</text>`
  const shares = [0, 0.25, 0.5, 0.75, 1].flatMap((share) => [
    `<line x1="${left}" x2="${svgWidth - right}" y1="${y(share)}" y2="${y(share)}" stroke="#d0d7de"/>`,
    text(left - 8, y(share) + 4, 'end', `${100 * share} %`),
  ])
  const ticks = [1e-4, 1e-3, 1e-2, 1e-1, 1].flatMap((share) => [
    `<line x1="${x(share)}" x2="${x(share)}" y1="${top}" y2="${svgHeight - bottom}" stroke="#d0d7de"/>`,
    text(x(share), svgHeight - bottom + 20, 'middle', `${100 * share} %`),
  ])
  const lines = curves.flatMap(({ name, points, chosen }, at) => {
    const colour = colours[at % colours.length] as string
    const places = points.map((point) => `${x(point.falsePositives).toFixed(1)},${y(point.found).toFixed(1)}`)
    return [
      `<polyline points="${places.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`,
      `<circle cx="${x(chosen.falsePositives).toFixed(1)}" cy="${y(chosen.found).toFixed(1)}" r="4" fill="${colour}"/>`,
      text(svgWidth - right + 16, top + 20 * at + 12, 'start', name, colour),
    ]
  })
  const title = 'Attacks found, by the share of honest requests taken for attacks; a dot where its own threshold lies'
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${svgWidth} ${svgHeight}" font-family="sans-serif" font-size="12">
<title>${title}</title>
<rect width="${svgWidth}" height="${svgHeight}" fill="#ffffff"/>
${[...shares, ...ticks, ...lines, text((left + svgWidth - right) / 2, svgHeight - 8, 'middle', title)].join('\n')}
</svg>
`
}
