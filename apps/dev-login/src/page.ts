// SPDX-License-Identifier: Apache-2.0

import { hash } from 'node:crypto'

export type Said = {
  readonly title: string
  readonly rows: readonly string[]
  /** What root runs on this machine. */
  readonly command: string
  /** Of the dashboard: the way back. */
  readonly origin: string
  /** For whoever looks into the log. */
  readonly detail?: string
}

/** Paper, ink and seal of the dashboard (apps/dashboard/src/styles/tokens.css), whose files are not this program's. */
const style = `
:root {
  --paper: light-dark(#f8f6f1, #0e141a); --card: light-dark(#ffffff, #151c24); --ink: light-dark(#1b2530, #e3e8ed);
  --quiet: light-dark(#586473, #95a2b0); --line: light-dark(#e4dfd5, #232d38); --accent: light-dark(#2c5f85, #86b8de);
  --gold: light-dark(#7d5d17, #d6b264); --gold-soft: light-dark(#f5ead0, #2a2415); --on-tone: light-dark(#ffffff, #0e141a);
  color-scheme: light dark;
}
*, ::before, ::after { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 13.5px/1.5 Inter, ui-sans-serif, system-ui, sans-serif; -webkit-font-smoothing: antialiased; }
main { display: grid; place-items: center; min-height: 100dvh; padding: 24px; }
main > div { display: flex; flex-direction: column; align-items: center; gap: 14px; max-width: 30em; text-align: center; }
svg { color: var(--accent); }
h1, p { margin: 0; }
h1 { font-size: 26px; line-height: 1.2; font-weight: 660; letter-spacing: -.024em; text-wrap: balance; }
p { text-wrap: balance; }
.chip { padding: 0 10px; border-radius: 99px; background: var(--gold-soft); color: var(--gold); font-size: 12px; line-height: 22px; }
code { display: inline-block; margin-top: 6px; padding: 4px 12px; border: 1px solid var(--line); border-radius: 8px; background: var(--card); font: 12.5px/1.5 "JetBrains Mono", ui-monospace, monospace; overflow-wrap: anywhere; user-select: all; }
a { display: inline-flex; align-items: center; min-height: 32px; padding: 4px 13px; border-radius: 8px; background: var(--accent); color: var(--on-tone); font-weight: 520; text-decoration: none; }
a:hover { background: color-mix(in srgb, var(--accent) 88%, var(--ink)); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
small { color: var(--quiet); font-size: .9em; overflow-wrap: anywhere; }
`

/** Of every page: nothing is loaded, nothing runs, and no style is taken but the one above. */
export const pageHeaders: Readonly<Record<string, string>> = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': `default-src 'none'; style-src 'sha256-${hash('sha256', style, 'base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
}

/** A page that says what to do. */
export const page = ({ title, rows, command, origin, detail }: Said): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escaped(title)} · Sealwatch</title>
<style>${style}</style>
</head>
<body>
<main>
<div>
${mark}
<span class="chip">Development provider, for this one machine</span>
<h1>${escaped(title)}</h1>
${rows.map((row) => `<p>${escaped(row)}</p>`).join('\n')}
<p>On this machine, run:<br><code>${escaped(command)}</code></p>
<a href="${escaped(origin)}/">Back to Sealwatch</a>
${detail === undefined ? '' : `<small>${escaped(detail)}</small>`}
</div>
</main>
</body>
</html>
`

/** The sign of the house, as the dashboard has it (apps/dashboard). */
const mark = `<svg width="52" height="52" viewBox="0 0 32 32" fill="none" stroke="currentColor" aria-hidden="true">
<path d="M16 2.5l11 4v8.2c0 7-4.6 12.3-11 14.8C9.6 27 5 21.7 5 14.7V6.5z" stroke-width="2.4" stroke-linejoin="round"/>
<path d="M16 11l-5 8M16 11l5 8" stroke-width="1.8"/>
<g fill="currentColor"><circle cx="16" cy="11" r="1.8"/><circle cx="11" cy="19" r="1.8"/><circle cx="21" cy="19" r="1.8"/></g></svg>`

const escaped = (text: string) => text.replace(/[&<>"']/g, (unit) => `&#${unit.codePointAt(0)};`)
