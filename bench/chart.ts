// SPDX-License-Identifier: Apache-2.0

export type Series = { readonly name: string; readonly points: { readonly x: number; readonly y: number }[] }

const [width, height, left, right, top, bottom] = [720, 320, 64, 150, 24, 48]
const colours = ['#0969da', '#bf3989', '#1a7f37', '#9a6700']
const yMax = 1.5

/** Each series as a share of its first point, over a logarithmic x: a flat line is the goal. As SVG. */
export function chartOf(xTitle: string, series: readonly Series[]): string {
  const xs = series[0]?.points.map(({ x }) => Math.log10(x)) ?? []
  const [first, last] = [Math.min(...xs), Math.max(...xs)]
  const placeX = (x: number) => left + ((Math.log10(x) - first) / (last - first)) * (width - left - right)
  const placeY = (share: number) => height - bottom - (Math.min(share, yMax) / yMax) * (height - top - bottom)
  const text = (x: number, y: number, anchor: string, words: string, fill = '#57606a') =>
    `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" fill="${fill}">${words}</text>`
  const grid = [0, 0.5, 1, 1.5].flatMap((share) => [
    `<line x1="${left}" x2="${width - right}" y1="${placeY(share)}" y2="${placeY(share)}" stroke="#d0d7de"/>`,
    text(left - 8, placeY(share) + 4, 'end', `${share * 100} %`),
  ])
  const ticks = xs.map((x) => text(placeX(10 ** x), height - bottom + 20, 'middle', `10^${x}`))
  const lines = series.flatMap(({ name, points }, i) => {
    const start = points[0]?.y ?? 1
    const places = points.map(({ x, y }) => [placeX(x), placeY(y / start)] as const)
    const path = places.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ')
    const colour = colours[i % colours.length] as string
    return [
      `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`,
      ...places.map(([x, y]) => `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="3" fill="${colour}"/>`),
      `<line x1="${width - right + 16}" x2="${width - right + 32}" y1="${top + 20 * i + 8}" y2="${top + 20 * i + 8}" stroke="${colour}" stroke-width="2"/>`,
      text(width - right + 38, top + 20 * i + 12, 'start', name, colour),
    ]
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">
<title>${xTitle}</title>
<rect width="${width}" height="${height}" fill="#ffffff"/>
${[...grid, ...ticks, ...lines, text((left + width - right) / 2, height - 10, 'middle', xTitle)].join('\n')}
</svg>
`
}
