// SPDX-License-Identifier: Apache-2.0

import { type ReactNode, useCallback, useEffect, useRef, useState } from 'react'
import { holdHere } from '../../door/here.ts'
import { Dialog } from './dialog.tsx'

/** While something is unsaved, whoever leaves is asked; `left`: they did. `release`: it is saved, or given up. */
export function useUnsaved(
  isUnsaved: boolean,
  what: string,
  left: () => void,
): { readonly question: ReactNode; release(): void } {
  const [leave, setLeave] = useState<() => void>()
  const hold = useRef<() => void>(undefined)
  const release = useCallback(() => hold.current?.(), [])
  useEffect(() => {
    if (!isUnsaved) return
    hold.current = holdHere((then) => setLeave(() => then))
    return release
  }, [isUnsaved, release])
  const stay = () => setLeave(undefined)
  const question =
    leave === undefined ? null : (
      <Dialog
        title="Leave without saving?"
        close={stay}
        footer={
          <>
            <button
              type="button"
              className="button bad"
              onClick={() => {
                release()
                left()
                stay()
                leave()
              }}
            >
              Leave
            </button>
            <button type="button" className="button first" onClick={stay}>
              Stay
            </button>
          </>
        }
      >
        <p>What you changed in {what} is not saved, and would be lost.</p>
      </Dialog>
    )
  return { question, release }
}
