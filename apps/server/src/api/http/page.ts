// SPDX-License-Identifier: Apache-2.0
// The few pages that the server makes itself, for whoever has no session. They look like the dashboard where there is one,
// and can be read without.

import type { DashboardFile } from './dashboard.ts'

export type Look = {
  /** The sheets of the dashboard, from where it is served: nothing stands in a page itself that a strict policy stops. */
  readonly sheets: string
  /** Sets the theme that somebody chose, where the page may run a script. */
  readonly theme: string
  /** The sign of the house. */
  readonly mark: string
}

export function lookOf(dashboard: readonly DashboardFile[]): Look {
  const all = dashboard.flatMap(({ type, paths }) => paths.map((path) => ({ type, path })))
  const sheets = [
    ...all
      .filter(({ type }) => type.startsWith('text/css'))
      .map(({ path }) => `<link rel="stylesheet" href="${escaped(path)}">`),
    ...all.filter(({ path }) => path === '/mark.svg').map(({ path }) => `<link rel="icon" href="${path}">`),
  ]
  const theme = all.filter(({ path }) => path === '/theme.js').map(({ path }) => `<script src="${path}"></script>`)
  const mark = all.some(({ path }) => path === '/mark.svg')
    ? '<img class="mark" src="/mark.svg" width="52" height="52" alt="">'
    : ''
  return { sheets: sheets.join('\n'), theme: theme.join('\n'), mark }
}

/** The title is text, and `rows` are markup; `more`: for the head. */
export const pageOf = (
  title: string,
  { sheets, mark }: Look,
  rows: readonly string[],
  more = '',
): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escaped(title)} · Sealwatch</title>
${[sheets, more].filter((one) => one !== '').join('\n')}
</head>
<body>
<main class="alone notice">
<div>
${[mark, `<h1>${escaped(title)}</h1>`, ...rows].filter((one) => one !== '').join('\n')}
</div>
</main>
</body>
</html>
`

export const escaped = (text: string): string => text.replace(/[&<>"']/g, (unit) => `&#${unit.codePointAt(0)};`)
