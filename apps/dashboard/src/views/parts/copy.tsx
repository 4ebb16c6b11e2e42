// SPDX-License-Identifier: Apache-2.0

import { useState } from 'react'
import { Icon } from './icon.tsx'

export function Copy({ text, label }: { readonly text: string; readonly label: string }) {
  const [copied, setCopied] = useState(false)
  const copy = async () => {
    await navigator.clipboard.writeText(text)
    setCopied(true)
  }
  return (
    <button type="button" className="button small" onClick={() => void copy()}>
      <Icon name={copied ? 'check' : 'copy'} size={14} />
      {copied ? 'Copied' : label}
    </button>
  )
}

/** A secret that is shown this once. */
export const Secret = ({
  text,
  label,
  children,
}: {
  readonly text: string
  readonly label: string
  readonly children: string
}) => (
  <div className="secret">
    <span>{children}</span>
    <code>{text}</code>
    <div>
      <Copy text={text} label={label} />
    </div>
  </div>
)
