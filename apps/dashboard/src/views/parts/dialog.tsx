// SPDX-License-Identifier: Apache-2.0

import { type ReactNode, useEffect, useId, useRef } from 'react'
import { Icon } from './icon.tsx'

/** The browser's own dialog: it keeps the focus within and gives it back. */
export function Dialog({
  title,
  close,
  wide = false,
  footer,
  submit,
  children,
}: {
  readonly title: string
  readonly close: () => void
  readonly wide?: boolean
  readonly footer?: ReactNode
  /** Makes a form of it. */
  readonly submit?: () => void
  readonly children: ReactNode
}) {
  const dialog = useRef<HTMLDialogElement>(null)
  const name = useId()
  useEffect(() => {
    const { current } = dialog
    current?.showModal()
    current?.querySelector<HTMLElement>('.inside input, .inside select, .inside textarea')?.focus()
    return () => current?.close()
  }, [])
  const inside = (
    <>
      <div className="inside">{children}</div>
      {footer === undefined ? null : <footer>{footer}</footer>}
    </>
  )
  return (
    <dialog
      ref={dialog}
      className={wide ? 'wide' : ''}
      aria-labelledby={name}
      onCancel={(event) => {
        event.preventDefault()
        close()
      }}
    >
      <header>
        <h2 id={name}>{title}</h2>
        <button type="button" className="bare" onClick={close} aria-label="Close">
          <Icon name="close" />
        </button>
      </header>
      {submit === undefined ? (
        inside
      ) : (
        <form
          onSubmit={(event) => {
            event.preventDefault()
            submit()
          }}
        >
          {inside}
        </form>
      )}
    </dialog>
  )
}
