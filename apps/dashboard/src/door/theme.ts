// SPDX-License-Identifier: Apache-2.0

export const themes = ['system', 'light', 'dark'] as const
export type Theme = (typeof themes)[number]

/** Read again by public/theme.js before anything is painted. */
const kept = 'sealwatch-theme'

export function theme(): Theme {
  const { theme: chosen } = document.documentElement.dataset
  return themes.find((one) => one === chosen) ?? 'system'
}

export function setTheme(next: Theme): void {
  if (next === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = next
  try {
    if (next === 'system') localStorage.removeItem(kept)
    else localStorage.setItem(kept, next)
  } catch {
    // A browser that keeps nothing has it for this page.
  }
}

export const themeAfter = (now: Theme): Theme => themes[(themes.indexOf(now) + 1) % themes.length] ?? 'system'
