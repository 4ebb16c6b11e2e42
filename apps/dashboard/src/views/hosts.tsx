// SPDX-License-Identifier: Apache-2.0

import { standingWords } from '@sealwatch/contract'
import type { Operations } from '@sealwatch/contract/api'
import { useState } from 'react'
import {
  attachedWords,
  configWords,
  dueIn,
  gapWords,
  handsWords,
  incidentWords,
  lossOf,
  policiesWords,
  sensorWords,
  shedOf,
  toldSince,
  watchedBy,
} from '../model/host.ts'
import { counted, several, wholeLength } from '../model/words.ts'
import { Secret } from './parts/copy.tsx'
import { Dialog } from './parts/dialog.tsx'
import { Facts } from './parts/facts.tsx'
import { Choice, Field } from './parts/field.tsx'
import { Icon } from './parts/icon.tsx'
import { More } from './parts/more.tsx'
import { Page } from './parts/page.tsx'
import { Asked, Empty, ProblemNote } from './parts/states.tsx'
import { type Column, Table } from './parts/table.tsx'
import { Time, useNow } from './parts/time.tsx'
import { useAct, useAskPages, useMay } from './session.ts'

type Host = Operations['listHosts']['answer']['items'][number]
type Site = Host['sensor']['sites'][number]
const everyMs = 5_000
const pageSize = 50

export function Hosts() {
  const hosts = useAskPages(
    ['hosts'],
    (door, from) => door.call('listHosts', { query: { limit: pageSize, ...from } }),
    {
      everyMs,
    },
  )
  const [over, setOver] = useState<'invite' | Host>()
  const may = useMay()
  return (
    <Page
      title="Hosts"
      about="What each sensor sees, and exactly what was lost on the way."
      acts={
        may('host:invite') ? (
          <button type="button" className="button first" onClick={() => setOver('invite')}>
            <Icon name="plus" size={14} />
            Invite a host
          </button>
        ) : undefined
      }
    >
      <Asked of={hosts}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty icon="host" title="No host has come yet">
              <p>An invitation lets one host enrol; its agent seals what it sees from then on.</p>
            </Empty>
          ) : (
            <ul className="hosts">
              {items.toSorted(byName).map((host) => (
                <HostCard
                  key={host.host_id}
                  host={host}
                  revoke={may('host:revoke') ? () => setOver(host) : undefined}
                />
              ))}
            </ul>
          )
        }
      </Asked>
      <More of={hosts} />
      {over === 'invite' ? <Invite close={() => setOver(undefined)} /> : null}
      {over === undefined || over === 'invite' ? null : <Revoke host={over} close={() => setOver(undefined)} />}
    </Page>
  )
}

const guardWords = { on: 'on', observe: 'only tells', off: 'off' } as const

const byName = (one: Host, other: Host) => one.hostname.localeCompare(other.hostname, 'en', { numeric: true })

function HostCard({ host, revoke }: { readonly host: Host; readonly revoke: (() => void) | undefined }) {
  const { sensor, certificate, unknown } = host
  const mode = sensorWords[sensor.mode]
  const now = useNow()
  const due = dueIn(Date.parse(certificate.expires_at) - now, certificate.ending)
  const loss = lossOf(sensor.sites)
  const shed = shedOf(sensor.sites)
  const by = watchedBy(sensor)
  const standings = host.config.reported?.policies ?? []
  return (
    <li className={host.revoked_at === null ? 'card host' : 'card host gone'}>
      <header>
        <span className={host.connected ? 'pulse on' : 'pulse'} />
        <h2>{host.hostname}</h2>
        {host.revoked_at === null ? (
          <span className={`chip ${mode.tone}`}>{mode.text}</span>
        ) : (
          <span className="chip bad">
            revoked <Time at={host.revoked_at} />
          </span>
        )}
        <span className="chip">{host.connected ? 'connected' : 'away'}</span>
        {by === '' ? null : <span className="chip warn">WARN: not by BPF alone</span>}
        {loss === 0n ? null : <span className="chip bad">{counted(loss)} lost</span>}
        {shed === 0n ? null : <span className="chip warn">{counted(shed)} shed</span>}
        {(host.presence?.incidents ?? []).map((incident) => (
          <span key={incident} className="chip bad">
            {incidentWords[incident]}
          </span>
        ))}
        {host.guard === null || (host.guard.mode === 'on' && host.guard.tier !== 'none') ? null : (
          <span className="chip bad">
            WARN: guard {host.guard.mode === 'on' ? 'sees nothing' : guardWords[host.guard.mode]}
          </span>
        )}
        {host.config.drifts ? <span className="chip warn">another configuration</span> : null}
        {host.presence?.life === 'stopped' ? (
          <span className="chip">
            stopped <Time at={host.presence.since} />
          </span>
        ) : null}
        {host.revoked_at !== null || revoke === undefined ? null : (
          <button type="button" className="button small bad" aria-label={`Revoke ${host.hostname}`} onClick={revoke}>
            Revoke
          </button>
        )}
      </header>
      <Facts
        of={[
          ['Lines', counted(host.lines)],
          ['Newest', host.last_line_at === null ? 'none' : <Time key="newest" at={host.last_line_at} />],
          [
            'Certificate ends',
            <span key="ends" className={due}>
              <Time at={certificate.expires_at} />
            </span>,
          ],
          ['System', [host.os, host.kernel].filter((text) => text !== null).join(', ') || 'unknown'],
          ['Agent', host.agent_version ?? 'unknown'],
          ['Groups', host.groups.join(', ') || 'none'],
          ['Configuration', configWords(host.config)],
          ['Policies', policiesWords(host.config)],
          ['Hands', handsWords(host.hands, now)],
          ['Id', <code key="id">{host.host_id}</code>],
        ]}
      />
      {unknown.newest === null ? null : (
        <p className="unknown">
          <Icon name="warn" size={14} />
          <span>
            Nobody knows what happened for {wholeLength(unknown.length_ms)} {toldSince(Date.parse(unknown.since), now)},
            in {several(unknown.intervals, 'interval')}: the last ended <Time at={unknown.newest.to} />, because{' '}
            {gapWords(unknown.newest.cause)},{' '}
            <a href={`/events?leaf=${unknown.newest.leaf_index}`}>line {counted(unknown.newest.leaf_index)}</a>
          </span>
        </p>
      )}
      {standings.length === 0 ? null : (
        <details>
          <summary>How it follows {several(standings.length, 'policy', 'policies')}</summary>
          <ul>
            {standings.map((standing) => (
              <li key={standing.policy}>
                <code>{standing.policy}</code> version {counted(standing.version)}: {standingWords(standing)}
              </li>
            ))}
          </ul>
        </details>
      )}
      {by === '' ? null : (
        <details>
          <summary>
            Watched by another source than BPF: nobody sees {several(sensor.unseen.length, 'kind')} of what happens
            <small> · {by}</small>
          </summary>
          <ul>
            {sensor.unseen.map((what) => (
              <li key={what}>{what}</li>
            ))}
          </ul>
        </details>
      )}
      {host.posture === null ? null : (
        <details>
          <summary>
            How its kernel protects itself
            <small>
              {' '}
              · as of <Time at={host.posture.since} />
            </small>
          </summary>
          <Facts
            of={host.posture.settings.map(({ name, value }) => [name, <code key={name}>{value ?? 'not told'}</code>])}
          />
        </details>
      )}
      {sensor.sites.length === 0 ? null : (
        <details>
          <summary>
            {loss === 0n
              ? 'While it watched, nothing was lost'
              : `${several(loss, 'event was', 'events were')} lost in the kernel, and counted`}
            <small> · {sensor.sites.filter(({ stands_by }) => !stands_by).length} sites</small>
          </summary>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
          <section className="scroll" tabIndex={0} aria-label={`Sites of ${host.hostname}`}>
            <Table tight rows={sensor.sites} keyOf={({ name }) => name} columns={sites} />
          </section>
        </details>
      )}
    </li>
  )
}

const sites: readonly Column<Site>[] = [
  { name: 'Site', of: ({ name }) => <code>{name}</code> },
  {
    name: 'Attached',
    of: attachedWords,
  },
  ...(['produced', 'dropped', 'sent', 'sealed', 'shed'] as const).map((stage) => ({
    name: `${stage.charAt(0).toUpperCase()}${stage.slice(1)}`,
    of: ({ [stage]: count }: Site) => (count === null ? '–' : counted(BigInt(count))),
    isNumber: true,
  })),
]

function Invite({ close }: { readonly close: () => void }) {
  const invite = useAct((door, ttl_seconds: number) => door.call('inviteHost', { body: { ttl_seconds } }), {
    changes: [],
    says: () => 'Invited',
  })
  const [ttl, setTtl] = useState(3600)
  const { data } = invite
  return (
    <Dialog
      title="Invite a host"
      close={close}
      {...(data === undefined ? { submit: () => invite.mutate(ttl) } : {})}
      footer={
        data === undefined ? (
          <button type="submit" className="button first" disabled={invite.isPending}>
            Make the token
          </button>
        ) : (
          <button type="button" className="button" onClick={close}>
            Done
          </button>
        )
      }
    >
      {data === undefined ? (
        <Choice
          id="invite-ends"
          label="Ends after"
          value={String(ttl)}
          pick={(seconds) => setTtl(Number(seconds))}
          of={[
            ['600', '10 minutes'],
            ['3600', '1 hour'],
            ['86400', '1 day'],
          ]}
        >
          The token enrols one host into this tenant, for good.
        </Choice>
      ) : (
        <Secret text={data.token} label="Copy the token">
          It works once, and is shown this once. Give it to the agent in a file that root alone can read.
        </Secret>
      )}
      <ProblemNote error={invite.error} />
    </Dialog>
  )
}

function Revoke({ host, close }: { readonly host: Host; readonly close: () => void }) {
  const [cause, setCause] = useState('')
  const revoke = useAct(
    (door, body: { cause: string }) => door.call('revokeHost', { params: { host_id: host.host_id }, body }),
    { changes: ['hosts'], says: () => `${host.hostname} revoked`, done: close },
  )
  return (
    <Dialog
      title={`Revoke ${host.hostname}`}
      close={close}
      submit={() => revoke.mutate({ cause: cause.trim() })}
      footer={
        <button type="submit" className="button bad" disabled={cause.trim() === '' || revoke.isPending}>
          Revoke for good
        </button>
      }
    >
      <p>Its connection closes at once, and nothing it seals later is admitted. It cannot be taken back.</p>
      <p>
        Did somebody else have its key? Then revoke it with <code>sealwatch compromise KEY --since TIME</code>, which
        also tells what of its lines is suspect: once it is revoked, that time cannot be given any more.
      </p>
      <Field id="cause" label="Why" value={cause} set={setCause} error={revoke.error} of="body.cause" max={400}>
        It enters the ledger: name nobody.
      </Field>
      <ProblemNote error={revoke.error} told={['body.cause']} />
    </Dialog>
  )
}
