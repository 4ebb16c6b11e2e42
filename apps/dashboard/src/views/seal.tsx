// SPDX-License-Identifier: Apache-2.0

import { go } from '../door/here.ts'
import { standingOf, walked } from '../model/standing.ts'
import { counted, several } from '../model/words.ts'
import { useEvery, useFeedState } from './live-feed.tsx'
import { Icon } from './parts/icon.tsx'
import { Time } from './parts/time.tsx'
import { useAsk, useMay } from './session.ts'

const everyMs = 2_000

export function useLedger() {
  const options = { everyMs: useEvery(everyMs), enabled: useMay()('ledger:read') }
  return useAsk(['ledger'], (door) => door.call('getLedger'), options)
}

/** Below every page: how far the ledger goes, and who vouches for it. */
export function Seal() {
  const { data, error, failureReason } = useLedger()
  const feed = useFeedState()
  if (data === undefined)
    return <footer className="seal">{error === null ? null : <span>The ledger is not told</span>}</footer>
  const { tone, title, why } = standingOf(data)
  const share = walked(data)
  return (
    <footer className={`seal ${tone}`}>
      <a
        href="/ledger"
        title={why}
        onClick={(event) => {
          event.preventDefault()
          go('/ledger')
        }}
      >
        <Icon name="seal" size={15} />
        <b>{failureReason === null ? title : 'As it was'}</b>
      </a>
      <span>
        <b>{counted(data.size)}</b> lines
      </span>
      <span>
        <b>{counted(data.signed?.size ?? 0)}</b> signed
      </span>
      {data.published === null ? null : (
        <>
          <span className="wide">
            <b>{counted(data.published.size)}</b> countersigned{' '}
            <Time at={data.published.root_checkpoint.countersigned.at} />
          </span>
          <span className="wide">{witnessWords(data.published.root_checkpoint)}</span>
        </>
      )}
      {share === undefined ? null : (
        <span className="wide">{share === 1 ? 'every line checked' : `${Math.floor(share * 100)} % checked`}</span>
      )}
      {feed === 'none' ? null : (
        <span className="feed">
          <span className={feed === 'live' ? 'pulse on' : 'pulse'} />
          {feed === 'live' ? 'live' : feed === 'away' ? 'reconnecting' : 'connecting'}
        </span>
      )}
    </footer>
  )
}

export const witnessWords = ({
  witnesses,
  quorum,
}: {
  readonly witnesses: readonly string[]
  readonly quorum: string
}) =>
  quorum === 'none' ? 'no witnesses set' : `${several(witnesses.length, 'witness', 'witnesses')}, quorum ${quorum}`
