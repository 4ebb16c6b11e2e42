// SPDX-License-Identifier: Apache-2.0

import type { ReactNode } from 'react'
import { type LedgerState, standingOf, walked } from '../model/standing.ts'
import { counted, several } from '../model/words.ts'
import { Copy } from './parts/copy.tsx'
import { Icon } from './parts/icon.tsx'
import { Page } from './parts/page.tsx'
import { Asked } from './parts/states.tsx'
import { Time } from './parts/time.tsx'
import { useLedger, witnessWords } from './seal.tsx'

export function Ledger() {
  const asked = useLedger()
  return (
    <Page
      title="Ledger"
      about="Every line of this tenant is a leaf of one tree. What is signed, countersigned and witnessed can be changed by nobody without its showing."
    >
      <Asked of={asked} rows={8}>
        {(ledger) => <Told ledger={ledger} />}
      </Asked>
    </Page>
  )
}

function Told({ ledger }: { readonly ledger: LedgerState }) {
  const { tone, title, why } = standingOf(ledger)
  const { published, signed, integrity } = ledger
  const share = walked(ledger)
  return (
    <div className="ledger">
      <section className={`card standing ${tone}`}>
        <Icon name="seal" size={44} />
        <div>
          <h2>{title}</h2>
          <p>
            {why ??
              (published?.root_checkpoint.quorum === 'met'
                ? 'Every line is under a checkpoint that witnesses vouch for.'
                : 'Every line is under a checkpoint that the deployment’s signer countersigned. Nobody else watches: no witnesses are set.')}
          </p>
        </div>
      </section>
      <section className="card levels" aria-label="How far it is proven">
        <Level name="On stable storage" size={ledger.size} of={ledger.size}>
          written, flushed, acknowledged
        </Level>
        <Level name="Signed" size={signed?.size ?? 0} of={ledger.size}>
          under a checkpoint of the tenant
        </Level>
        <Level name="Countersigned" size={published?.size ?? 0} of={ledger.size}>
          {published === null ? (
            'nothing is published yet'
          ) : (
            <>
              by the deployment’s signer, <Time at={published.root_checkpoint.countersigned.at} />
            </>
          )}
        </Level>
        <Level
          name="Witnessed"
          size={published !== null && published.root_checkpoint.quorum === 'met' ? published.size : 0}
          of={ledger.size}
        >
          {published === null ? 'nothing is published yet' : witnessWords(published.root_checkpoint)}
        </Level>
        {integrity === null || share === undefined ? null : (
          <Level name="Checked on disk" size={integrity.checked} of={integrity.size}>
            {integrity.size === 0 ? (
              'it was empty when the server started: all of it was hashed as it came'
            ) : (
              <>
                of the {several(integrity.size, 'line')} that the server found on disk when it started; what came since
                was hashed as it came
              </>
            )}
          </Level>
        )}
      </section>
      <section className="card notes">
        <Note title="Checkpoint of the tenant" text={signed?.note} about={ledger.origin} />
        <Note
          title="Root checkpoint"
          text={published?.root_checkpoint.note}
          about={`covers every tenant of ${ledger.deployment}`}
        />
        <Note
          title="Key to pin"
          text={ledger.vkey}
          about="What a verifier trusts: take it from here once, and keep it"
        />
      </section>
    </div>
  )
}

const Level = ({
  name,
  size,
  of,
  children,
}: {
  readonly name: string
  readonly size: number
  readonly of: number
  readonly children: ReactNode
}) => (
  <div className="level">
    <b>{name}</b>
    <span className="number">{counted(size)}</span>
    <meter min={0} max={Math.max(1, of)} value={size} aria-label={`${name}: ${counted(size)} of ${counted(of)}`} />
    <small>{children}</small>
  </div>
)

const Note = ({
  title,
  text,
  about,
}: {
  readonly title: string
  readonly text: string | undefined
  readonly about: string
}) => (
  <div>
    <h3>{title}</h3>
    <small>{about}</small>
    {text === undefined ? (
      <p>There is none yet.</p>
    ) : (
      <>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
        <pre tabIndex={0}>{text.trimEnd()}</pre>
        <Copy text={text} label="Copy" />
      </>
    )}
  </div>
)
