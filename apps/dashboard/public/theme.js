// SPDX-License-Identifier: Apache-2.0
// Before anything is painted: whoever chose a theme sees no other one flash by.
try {
  const chosen = localStorage.getItem('sealwatch-theme')
  if (chosen === 'dark' || chosen === 'light') document.documentElement.dataset.theme = chosen
} catch {
  // A browser that keeps nothing goes by the system.
}
