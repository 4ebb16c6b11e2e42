// SPDX-License-Identifier: Apache-2.0

import type { Operations } from '@sealwatch/contract/api'
import { useState } from 'react'
import { Secret } from './parts/copy.tsx'
import { Dialog } from './parts/dialog.tsx'
import { Choice, Field } from './parts/field.tsx'
import { Icon } from './parts/icon.tsx'
import { Page } from './parts/page.tsx'
import { Asked, Empty, ProblemNote } from './parts/states.tsx'
import { type Column, Table } from './parts/table.tsx'
import { Time } from './parts/time.tsx'
import { useAct, useAsk, useMay, useSession } from './session.ts'

type Channel = Operations['listNotificationChannels']['answer']['items'][number]
type Severity = NonNullable<Operations['createNotificationChannel']['body']['least_severity']>

const keyOf = ({ channel_id }: Channel) => channel_id
const paramsOf = ({ channel_id }: Channel) => ({ params: { channel_id } })

export function Notifications() {
  const { say, view } = useSession()
  const channels = useAsk(['channels'], (door) => door.call('listNotificationChannels'), { everyMs: 10_000 })
  const [adding, setAdding] = useState(false)
  const [rotated, setRotated] = useState<string>()
  const may = useMay()
  const test = useAct((door, channel: Channel) => door.call('testNotificationChannel', paramsOf(channel)), {
    changes: ['channels'],
    done: ({ taken, problem }, { name }) =>
      say({ what: taken ? `${name} took the test` : `${name} did not take the test: ${problem}` }),
  })
  const rotate = useAct((door, channel: Channel) => door.call('rotateNotificationSecret', paramsOf(channel)), {
    changes: ['channels'],
    done: ({ secret }) => setRotated(secret),
  })
  const remove = useAct((door, channel: Channel) => door.call('removeNotificationChannel', paramsOf(channel)), {
    changes: ['channels'],
    says: ({ name }) => `${name} is told nothing more`,
  })
  const acts = may('notification:manage') ? (
    <button type="button" className="button first" onClick={() => setAdding(true)}>
      <Icon name="plus" size={14} />
      New channel
    </button>
  ) : undefined
  const whose = view.tenant === 'cluster' ? 'every tenant' : 'this tenant alone'
  return (
    <Page
      title="Notifications"
      about={`Who is told at once of incidents of a guard. Channels here hear of ${whose}.`}
      acts={acts}
    >
      <ProblemNote error={test.error ?? rotate.error ?? remove.error} />
      <Asked of={channels}>
        {({ items }) => (
          <Table
            rows={items}
            keyOf={keyOf}
            columns={columns}
            acts={(channel) =>
              may('notification:manage') ? (
                <>
                  <Act name="Test" of={channel} act={test.mutate} disabled={test.isPending} />
                  {channel.kind === 'webhook' ? (
                    <Act name="Rotate" of={channel} act={rotate.mutate} disabled={rotate.isPending} />
                  ) : null}
                  <Act name="Remove" of={channel} act={remove.mutate} disabled={remove.isPending} bad />
                </>
              ) : null
            }
            empty={
              <Empty icon="bell" title="Nobody is told">
                <p>
                  Alerts stand in the list, where somebody must look. A channel tells people at once, by e-mail or a
                  webhook.
                </p>
              </Empty>
            }
          />
        )}
      </Asked>
      {adding ? <NewChannel close={() => setAdding(false)} /> : null}
      {rotated === undefined ? null : (
        <ShownOnce title="Another secret" secret={rotated} close={() => setRotated(undefined)}>
          It is shown this once. For a day messages are signed by the secret before, too.
        </ShownOnce>
      )}
    </Page>
  )
}

const Act = ({
  name,
  of,
  act,
  disabled,
  bad = false,
}: {
  readonly name: string
  readonly of: Channel
  readonly act: (channel: Channel) => void
  readonly disabled: boolean
  readonly bad?: boolean
}) => (
  <button
    type="button"
    className={bad ? 'button small bad' : 'button small'}
    aria-label={`${name} ${of.name}`}
    disabled={disabled}
    onClick={() => act(of)}
  >
    {name}
  </button>
)

const columns: readonly Column<Channel>[] = [
  {
    name: 'Name',
    of: ({ name, channel_id }) => (
      <>
        <b>{name}</b>
        <small>
          <code>{channel_id}</code>
        </small>
      </>
    ),
  },
  { name: 'Told by', of: (channel) => <>{wayOf(channel)}</> },
  { name: 'From', of: ({ least_severity }) => <span className="chip">{least_severity}</span> },
  {
    name: 'Last taken',
    of: ({ last }) => (last?.taken === true ? <Time at={last.time} /> : <small>nothing yet</small>),
  },
  { name: 'State', of: (channel) => <State of={channel} /> },
]

const wayOf = ({ kind, target }: Channel): string => {
  if (kind === 'webhook') return new URL(target).origin
  return target === 'admins' ? 'e-mail to the admins' : target.replace('mailto:', 'e-mail to ')
}

function State({ of: { failing_since, problem, waiting, given_up } }: { readonly of: Channel }) {
  const owed = [waiting > 0 ? `${waiting} wait` : '', given_up > 0 ? `${given_up} never taken` : ''].filter(Boolean)
  return (
    <>
      {failing_since === null ? (
        <span className="chip">well</span>
      ) : (
        <span className="chip bad">
          fails since <Time at={failing_since} />
        </span>
      )}
      {problem === '' ? null : <small>{problem}</small>}
      {owed.length === 0 ? null : <small>{owed.join(', ')}</small>}
    </>
  )
}

const ShownOnce = ({
  title,
  secret,
  close,
  children,
}: {
  readonly title: string
  readonly secret: string
  readonly close: () => void
  readonly children: string
}) => (
  <Dialog
    title={title}
    close={close}
    footer={
      <button type="button" className="button" onClick={close}>
        Done
      </button>
    }
  >
    <Secret text={secret} label="Copy the secret">
      {children}
    </Secret>
  </Dialog>
)

const ways = [
  ['admins', 'E-mail to whoever is an admin'],
  ['mail', 'E-mail to an address'],
  ['webhook', 'Webhook'],
] as const
const severities: readonly (readonly [Severity, string])[] = [
  ['medium', 'Medium and graver'],
  ['high', 'High and graver'],
  ['critical', 'Critical'],
  ['low', 'Low and graver'],
]

function NewChannel({ close }: { readonly close: () => void }) {
  const [name, setName] = useState('')
  const [way, setWay] = useState<string>('admins')
  const [where, setWhere] = useState('')
  const [least, setLeast] = useState<string>('medium')
  const target = way === 'admins' ? way : way === 'mail' ? `mailto:${where}` : where
  const create = useAct(
    (door, least_severity: Severity) =>
      door.call('createNotificationChannel', { body: { name, target, least_severity } }),
    {
      changes: ['channels'],
      says: () => `${name} is told from now on`,
      done: ({ secret }) => {
        if (secret === '') close()
      },
    },
  )
  if (create.data !== undefined && create.data.secret !== '')
    return (
      <ShownOnce title={`Webhook ${create.data.channel.name}`} secret={create.data.secret} close={close}>
        By it your receiver proves that a message is ours. It is shown this once.
      </ShownOnce>
    )
  return (
    <Dialog
      title="New channel"
      close={close}
      submit={() => create.mutate(least as Severity)}
      footer={
        <button
          type="submit"
          className="button first"
          disabled={name.trim() === '' || (way !== 'admins' && where === '') || create.isPending}
        >
          Add the channel
        </button>
      }
    >
      <Field
        id="channel-name"
        label="Name"
        value={name}
        set={setName}
        error={create.error}
        of="body.name"
        max={64}
        placeholder="Who is told"
      />
      <Choice id="channel-way" label="Told by" value={way} pick={setWay} of={ways} />
      {way === 'admins' ? null : (
        <Field
          id="channel-where"
          label={way === 'mail' ? 'Address' : 'URL'}
          value={where}
          set={setWhere}
          error={create.error}
          of="body.target"
          max={1024}
          mono
          placeholder={way === 'mail' ? 'on-call@example.com' : 'https://alerts.example.com/…'}
        />
      )}
      <Choice id="channel-least" label="Told of" value={least} pick={setLeast} of={severities} />
      <ProblemNote error={create.error} told={['body.name', 'body.target']} />
    </Dialog>
  )
}
