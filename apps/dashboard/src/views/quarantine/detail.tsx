// SPDX-License-Identifier: Apache-2.0

import type { ReactNode } from 'react'
import { setQuery } from '../../door/here.ts'
import {
  commandsFor,
  type Item,
  isForPeople,
  isReason,
  producerName,
  type Release as Requested,
  reasonWords,
  releaseStanding,
  rowsOf,
  serviceOf,
} from '../../model/quarantine.ts'
import { absolute, counted, several, shortHash } from '../../model/words.ts'
import { Copy } from '../parts/copy.tsx'
import { Facts } from '../parts/facts.tsx'
import { Icon } from '../parts/icon.tsx'
import { Asked, ProblemNote } from '../parts/states.tsx'
import { useNow } from '../parts/time.tsx'
import { useAct, useMay, useSession } from '../session.ts'
import { Bytes } from './bytes.tsx'
import { History } from './history.tsx'
import { State } from './items.tsx'
import { Reason } from './reason.tsx'
import { Release } from './release.tsx'
import { useHostNames, useItem } from './use-quarantine.ts'

export function Detail({ leaf, close }: { readonly leaf: number; readonly close: () => void }) {
  const asked = useItem(leaf)
  return (
    <article className="detail" aria-label={`Item of line ${leaf}`}>
      <header>
        <button type="button" className="button plain small back" onClick={close}>
          <Icon name="back" size={14} />
          Back
        </button>
        <code className="leaf">stub at line {leaf}</code>
        <button type="button" className="bare" data-close aria-label="Close the item" onClick={close}>
          <Icon name="close" />
        </button>
      </header>
      <Asked of={asked} rows={8}>
        {({ item, release }) => <Told item={item} release={release} />}
      </Asked>
    </article>
  )
}

const Line = ({ leaf, children }: { readonly leaf: number; readonly children?: ReactNode }) => (
  <a href={`/events?leaf=${leaf}`}>{children ?? `line ${counted(leaf)}`}</a>
)

function Told({ item, release }: { readonly item: Item; readonly release: Requested | null }) {
  const hosts = useHostNames()
  const { view } = useSession()
  const words = isReason(item.reason) ? reasonWords[item.reason] : undefined
  const standing = releaseStanding(item, release, { personId: view.person?.person_id, nowMs: useNow() })
  const producer = producerName(item.producer, hosts)
  const waits = item.state === 'waiting'
  const isAsked = standing === 'mine' || standing === 'theirs'
  return (
    <>
      <div className="headline">
        <Reason reason={item.reason} />
        <State item={item} isAsked={isAsked} />
        <h2>
          {several(rowsOf(item), 'row')} of {producer}
          {waits ? ` ${rowsOf(item) === 1 ? 'waits' : 'wait'}: ${words?.name ?? item.reason}` : ' came in after all'}
        </h2>
        <p>{item.detail}</p>
        <Facts
          of={[
            ['Received', absolute(Date.parse(item.received_at ?? item.quarantined_at))],
            [serviceOf(item.producer) === undefined ? 'Host' : 'Service', producer],
            ['Key', item.key_id === null ? 'none named' : <code key="key">{item.key_id}</code>],
            ['From', item.peer === null || item.peer === '' ? 'not noted' : <code key="peer">{item.peer}</code>],
            [
              'Judged by',
              item.registry_version === null ? (
                'a registry that was not noted'
              ) : (
                <Line key="registry" leaf={item.registry_version}>
                  registry version {counted(item.registry_version)}
                </Line>
              ),
            ],
            [
              'Rows',
              `${counted(item.first_seq)} to ${counted(item.next_seq - 1)} of ${serviceOf(item.producer) === undefined ? 'its chain' : 'what it sent'}`,
            ],
            [
              'Stub',
              <span key="stub">
                <Line leaf={item.leaf_index} />, with its proof
              </span>,
            ],
            [
              'Item',
              <code key="item" title={item.item}>
                {shortHash(item.item)}
              </code>,
            ],
          ]}
        />
      </div>
      {words === undefined ? null : (
        <section>
          <h3>What it means</h3>
          <p className="lead">
            {words.means} {waits ? words.usually : null}
          </p>
          {waits ? (
            <p>
              <small>
                Runbook: <code>{words.runbook}</code>
              </small>
            </p>
          ) : null}
        </section>
      )}
      {waits ? <Next item={item} /> : null}
      {isForPeople(item) || release !== null ? <Release item={item} release={release} standing={standing} /> : null}
      <section>
        <h3>Its history</h3>
        <History item={item} release={release} />
      </section>
      <section>
        <h3>Exactly as it came</h3>
        <Bytes item={item} />
      </section>
    </>
  )
}

function Next({ item }: { readonly item: Item }) {
  const { view } = useSession()
  const mayReplay = useMay()('quarantine:replay')
  const commands = commandsFor(item, view.tenant)
  return (
    <section>
      <h3>What to do next</h3>
      {commands.map(({ does, text }) => (
        <div className="step" key={text}>
          <span>{does}</span>
          <code>{text}</code>
        </div>
      ))}
      {commands.length === 0 ? null : <Copy text={commands.map(({ text }) => text).join('\n')} label="Copy all" />}
      <div className="chips">
        {mayReplay ? <Try item={item} /> : null}
        {item.key_id === null ? null : (
          <button
            type="button"
            className="button small plain"
            onClick={() => setQuery({ key: item.key_id ?? undefined, leaf: undefined })}
          >
            All of this key
          </button>
        )}
      </div>
    </section>
  )
}

/** Judged again, and nothing is done: the page of a replay that begins at this item is this item, while it waits. */
function Try({ item: { leaf_index, reason } }: { readonly item: Item }) {
  const attempt = useAct(
    async (door, at: number) => {
      const body = { state: 'waiting', reason: reason as 'unknown_key', limit: 1, dry_run: true } as const
      const from = at === 0 ? {} : { cursor: at - 1 }
      const { items } = await door.call('replayQuarantine', { body: { ...body, ...from } })
      return items.find((one) => one.leaf_index === at)
    },
    { changes: [] },
  )
  return (
    <>
      <button
        type="button"
        className="button small"
        disabled={attempt.isPending}
        onClick={() => attempt.mutate(leaf_index)}
      >
        Would it come in now?
      </button>
      <p role="status">
        {attempt.isSuccess
          ? attempt.data === undefined
            ? 'It does not wait any more.'
            : attempt.data.outcome === 'admitted'
              ? 'Yes: a replay lets it in.'
              : attempt.data.outcome === 'already'
                ? 'It is in the ledger already.'
                : `No: ${attempt.data.detail}`
          : null}
      </p>
      <ProblemNote error={attempt.error} />
    </>
  )
}
