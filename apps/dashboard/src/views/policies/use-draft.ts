// SPDX-License-Identifier: Apache-2.0

import { useState } from 'react'
import { browserClock } from '../../door/clock.ts'
import { drafts } from '../../door/drafts.ts'
import type { Draft } from '../../model/drafts.ts'
import { useSession } from '../session.ts'

export type Read = { readonly text: string; readonly etag: string | undefined }

/** The text of a policy as somebody writes it: what they had not saved when their session ended, else what was read. */
export function useDraft(policy: string, read: Read) {
  const { tenant, person } = useSession().view
  const place = { person: person?.person_id ?? '', tenant, policy }
  const [resumed, setResumed] = useState(() => {
    const found = drafts.read(place)
    return found?.text === read.text ? undefined : found
  })
  const [now, setNow] = useState<Read>(resumed ?? read)
  const drop = () => {
    drafts.drop(place)
    setResumed(undefined)
  }
  return {
    text: now.text,
    /** Of the version that the text was made from; undefined: of none. */
    etag: now.etag,
    /** What was there already when this was opened. */
    resumed: resumed satisfies Draft | undefined,
    write: (text: string) => {
      setNow({ ...now, text })
      if (text === read.text) drafts.drop(place)
      else drafts.keep(place, { ...now, text, atMs: browserClock.nowMs() })
    },
    /** It is saved, or given up. */
    drop,
    discard: () => {
      drop()
      setNow(read)
    },
  }
}
