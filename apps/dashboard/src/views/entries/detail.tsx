// SPDX-License-Identifier: Apache-2.0

import { Fragment, lazy, Suspense, useState } from 'react'
import { diffOf } from '../../model/diff.ts'
import { beyondTitle, personOf, type Target, targetOf, wordsOf } from '../../model/entry.ts'
import { textAt } from '../../model/member.ts'
import type { Detail as Line } from '../../model/proof.ts'
import { verdictOf } from '../../model/verdict.ts'
import { absolute } from '../../model/words.ts'
import { Copy } from '../parts/copy.tsx'
import { Facts } from '../parts/facts.tsx'
import { Icon } from '../parts/icon.tsx'
import { Asked, Bones, ProblemNote } from '../parts/states.tsx'
import { Table } from '../parts/table.tsx'
import { useAct, useAsk, useMay } from '../session.ts'
import { Actor, useNames } from './actor.tsx'
import { Ancestry } from './ancestry.tsx'
import { ChangedLines } from './diff.tsx'
import { Feedback } from './feedback.tsx'
import { Unverified } from './unverified.tsx'
import { VerdictNote } from './verdict.tsx'

const Proof = lazy(async () => ({ default: (await import('./proof.tsx')).Proof }))
const everyMs = 2_000

export function Detail({ leaf, close }: { readonly leaf: number; readonly close: () => void }) {
  const [reveal, setReveal] = useState(false)
  const [isProven, setProven] = useState(false)
  const asked = useAsk(
    ['event', leaf, reveal],
    async (door) => {
      const line = await door.call('getEvent', {
        params: { leaf },
        query: { reveal: reveal ? 'true' : 'false' },
      })
      setProven(line.inclusion.published !== null)
      return line
    },
    isProven ? {} : { everyMs },
  )
  return (
    <article className="detail" aria-label={`Line ${leaf}`}>
      <header>
        <button type="button" className="button plain small back" onClick={close}>
          <Icon name="back" size={14} />
          Back
        </button>
        <code className="leaf">line {leaf}</code>
        <button type="button" className="bare" data-close aria-label="Close the line" onClick={close}>
          <Icon name="close" />
        </button>
      </header>
      <Asked of={asked} rows={8}>
        {(line) => <Told line={line} reveal={reveal} setReveal={setReveal} />}
      </Asked>
    </article>
  )
}

function Told({
  line,
  reveal,
  setReveal,
}: {
  readonly line: Line
  readonly reveal: boolean
  readonly setReveal: (reveal: boolean) => void
}) {
  const words = wordsOf(line)
  const message = beyondTitle(textAt(line.line.event, 'message'), words.title)
  const target = targetOf(line)
  const { personal } = line
  const diff = diffOf(line)
  const verdict = verdictOf(line)
  const may = useMay()
  const names = useNames()
  return (
    <>
      <div className="headline">
        <span className={`chip severity-chip ${words.severity.tone}`}>{words.severity.name}</span>
        {words.techniques.map((id) => (
          <span className="chip" key={id}>
            {id}
          </span>
        ))}
        <Unverified why={words.unverified} />
        <h2>{words.title}</h2>
        {message === undefined ? null : <p>{message}</p>}
        <Facts
          of={[
            [
              'When',
              <span key="when" title={words.time}>
                {absolute(Date.parse(words.time))}
              </span>,
            ],
            ['Line written', <code key="written">{line.time}</code>],
            personOf(words.actor) === undefined ? null : ['By', <Actor key="by" actor={words.actor} names={names} />],
            line.host === null ? null : ['Host', line.host.name],
            words.unverified === undefined
              ? null
              : [
                  'Verified',
                  `No: ${words.unverified}. It was admitted all the same, and says nothing sure of who made it`,
                ],
            ['Sealed by', line.source === 'host' ? 'the host' : 'the server'],
          ]}
        />
      </div>
      {verdict !== undefined ? (
        <VerdictNote of={verdict} />
      ) : line.reason === null ? null : (
        <Reason reason={line.reason} title={words.title} />
      )}
      {verdict !== undefined && may('threat:feedback') ? <Feedback leaf={line.leaf_index} /> : null}
      {diff === undefined ? null : <ChangedLines diff={diff} />}
      {line.ancestry.length === 0 ? null : <Origin steps={line.ancestry} target={target} />}
      <section>
        <h3>Proof</h3>
        <Suspense fallback={<Bones rows={4} />}>
          <Proof line={line} />
        </Suspense>
        {may('event:export') ? <Export leaf={line.leaf_index} /> : null}
      </section>
      <section>
        <h3>As sealed</h3>
        <details>
          <summary>The line, whole</summary>
          <pre className="json">{JSON.stringify(line.line, null, 2)}</pre>
          <Copy text={JSON.stringify(line.line)} label="Copy" />
        </details>
        {reveal || !may('event:reveal') ? null : (
          <button type="button" className="button small" onClick={() => setReveal(true)}>
            <Icon name="eye" size={14} />
            Reveal personal values
          </button>
        )}
        {personal === undefined ? null : (
          <dl className="pairs">
            {Object.entries(personal).map(([pointer, { value }]) => (
              <Fragment key={pointer}>
                <dt>
                  <code>{pointer}</code>
                </dt>
                <dd>{value}</dd>
              </Fragment>
            ))}
            {Object.keys(personal).length === 0 ? <dt>This line has none.</dt> : null}
          </dl>
        )}
      </section>
    </>
  )
}

function Reason({
  reason,
  title,
}: {
  readonly reason: NonNullable<Line['reason']>
  /** What stands above it already. */
  readonly title: string
}) {
  return (
    <section>
      <h3>Why it fired</h3>
      <p className="lead">
        {reason.name === title ? null : <b>{reason.name}</b>} {reason.description}
      </p>
      {reason.matched.length === 0 ? null : (
        <Table
          tight
          rows={reason.matched}
          keyOf={({ selection, field, attribute, value }) => `${selection} ${field} ${attribute} ${value}`}
          columns={[
            { name: 'Part of the rule', of: ({ selection }) => selection },
            { name: 'Field', of: ({ field, attribute }) => <span title={attribute}>{field}</span> },
            { name: 'What stood there', of: ({ value }) => <code className="hit">{String(value)}</code> },
          ]}
        />
      )}
      <ul className="chips">
        {reason.techniques.map(({ id, name }) => (
          <li className="chip accent" key={id}>
            {id}
            {name === null ? '' : ` ${name}`}
          </li>
        ))}
        <li className="chip" title={reason.rule_id}>
          rule {reason.rule_id.slice(0, 8)}
        </li>
        {reason.evidence.map(({ leaf_index }) => (
          <li key={leaf_index}>
            <a className="chip" href={`/events?leaf=${leaf_index}`}>
              rests on line {leaf_index}
            </a>
          </li>
        ))}
      </ul>
      {reason.false_positives.length === 0 ? null : (
        <div className="harmless">
          <p>It may be harmless:</p>
          <ul>
            {reason.false_positives.map((text) => (
              <li key={text}>{text}</li>
            ))}
          </ul>
        </div>
      )}
    </section>
  )
}

const Origin = ({ steps, target }: { readonly steps: Line['ancestry']; readonly target: Target | undefined }) => (
  <section>
    <h3>Where it came from</h3>
    <Ancestry steps={steps} target={target} />
  </section>
)

/** A bundle proves itself elsewhere, without us; the ledger says that it was asked for. */
function Export({ leaf }: { readonly leaf: number }) {
  const save = useAct((door, of: number) => door.call('exportBundle', { body: { what: { leaf: of } } }), {
    changes: [],
    says: () => 'Bundle written',
    done: (text) => {
      const link = document.createElement('a')
      link.href = URL.createObjectURL(new Blob([String(text)], { type: 'application/x-ndjson' }))
      link.download = `sealwatch-line-${leaf}.bundle`
      link.click()
      URL.revokeObjectURL(link.href)
    },
  })
  return (
    <>
      <button type="button" className="button small" disabled={save.isPending} onClick={() => save.mutate(leaf)}>
        <Icon name="save" size={14} />
        Save as a bundle that proves itself
      </button>
      <ProblemNote error={save.error} />
    </>
  )
}
