// SPDX-License-Identifier: Apache-2.0

import type { Operations } from '@sealwatch/contract/api'
import { useState } from 'react'
import { Actions } from './parts/actions.tsx'
import { Secret } from './parts/copy.tsx'
import { Dialog } from './parts/dialog.tsx'
import { Choice, Field } from './parts/field.tsx'
import { Icon } from './parts/icon.tsx'
import { Page } from './parts/page.tsx'
import { Asked, Empty, ProblemNote } from './parts/states.tsx'
import { type Column, Table } from './parts/table.tsx'
import { Time, useNow } from './parts/time.tsx'
import { useAct, useAsk, useMay, useSession } from './session.ts'

type Token = Operations['listTokens']['answer']['items'][number]

export function Tokens() {
  const tokens = useAsk(['tokens'], (door) => door.call('listTokens'))
  const [adding, setAdding] = useState(false)
  const may = useMay()
  const revoke = useAct((door, { token_id }: Token) => door.call('revokeToken', { params: { token_id } }), {
    changes: ['tokens'],
    says: ({ name }) => `Token ${name} revoked`,
  })
  const acts = may('token:create') ? (
    <button type="button" className="button first" onClick={() => setAdding(true)}>
      <Icon name="plus" size={14} />
      New token
    </button>
  ) : undefined
  return (
    <Page
      title="API tokens"
      about="For programs. A token belongs to this tenant alone, may what it was made with, and ends by itself."
      acts={acts}
    >
      <ProblemNote error={revoke.error} />
      <Asked of={tokens}>
        {({ items }) => (
          <Table
            rows={items}
            keyOf={({ token_id }) => token_id}
            columns={columns}
            acts={(token) =>
              may('token:revoke') ? <Revoke token={token} revoke={() => revoke.mutate(token)} /> : null
            }
            empty={
              <Empty icon="key" title="There are no tokens">
                <p>A token lets a program ask the API, as the command line and your own scripts do.</p>
              </Empty>
            }
          />
        )}
      </Asked>
      {adding ? <NewToken close={() => setAdding(false)} /> : null}
    </Page>
  )
}

const shownActions = 3

const columns: readonly Column<Token>[] = [
  {
    name: 'Name',
    of: ({ name, token_id }) => (
      <>
        <b>{name}</b>
        <small>
          <code>{token_id}</code>
        </small>
      </>
    ),
  },
  {
    name: 'May',
    of: ({ actions }) => (
      <span className="chips" title={actions.join('\n')}>
        {actions.slice(0, shownActions).map((action) => (
          <span className="chip" key={action}>
            {action}
          </span>
        ))}
        {actions.length > shownActions ? <span className="chip">{actions.length - shownActions} more</span> : null}
      </span>
    ),
  },
  {
    name: 'Last used',
    of: ({ last_used_at }) => (last_used_at === null ? <small>never</small> : <Time at={last_used_at} />),
  },
  { name: 'Ends', of: (token) => <Ends token={token} /> },
  { name: 'Made', of: ({ created_at }) => <Time at={created_at} /> },
]

const useIsOver = ({ expires_at }: Token) => Date.parse(expires_at) <= useNow()

function Ends({ token }: { readonly token: Token }) {
  const isOver = useIsOver(token)
  if (token.revoked_at !== null) return <span className="chip bad">revoked</span>
  return isOver ? <span className="chip warn">ended</span> : <Time at={token.expires_at} />
}

function Revoke({ token, revoke }: { readonly token: Token; readonly revoke: () => void }) {
  const isOver = useIsOver(token)
  return isOver || token.revoked_at !== null ? null : (
    <button type="button" className="button small bad" aria-label={`Revoke ${token.name}`} onClick={revoke}>
      Revoke
    </button>
  )
}

const day = 86_400
const lengths = [
  [day, '1 day'],
  [7 * day, '7 days'],
  [30 * day, '30 days'],
  [90 * day, '90 days'],
] as const

function NewToken({ close }: { readonly close: () => void }) {
  const { view } = useSession()
  const [name, setName] = useState('')
  const [ttl, setTtl] = useState<number>(30 * day)
  const [picked, pick] = useState<ReadonlySet<string>>(new Set(['alert:list', 'event:list']))
  const roles = useAsk(['roles'], (door) => door.call('listRoles'))
  const create = useAct(
    (door, actions: readonly string[]) => door.call('createToken', { body: { name, actions, ttl_seconds: ttl } }),
    { changes: ['tokens'], says: () => 'Token made' },
  )
  const { data } = create
  // Nobody hands on more than they have.
  const own = view.actions.filter((action) => roles.data?.grantable_actions.includes(action) ?? picked.has(action))
  if (data !== undefined)
    return (
      <Dialog
        title={`Token ${data.info.name}`}
        close={close}
        footer={
          <button type="button" className="button" onClick={close}>
            Done
          </button>
        }
      >
        <Secret text={data.token} label="Copy the token">
          It is shown this once; what is kept is a hash. Whoever has it may what it may.
        </Secret>
      </Dialog>
    )
  return (
    <Dialog
      title="New API token"
      wide
      close={close}
      submit={() => create.mutate([...picked])}
      footer={
        <button
          type="submit"
          className="button first"
          disabled={name.trim() === '' || picked.size === 0 || create.isPending}
        >
          Make the token
        </button>
      }
    >
      <Field
        id="token-name"
        label="Name"
        value={name}
        set={setName}
        error={create.error}
        of="body.name"
        max={64}
        placeholder="What will use it"
      />
      <Choice
        id="token-ends"
        label="Ends after"
        value={String(ttl)}
        pick={(seconds) => setTtl(Number(seconds))}
        of={lengths.map(([seconds, text]) => [String(seconds), text])}
      />
      <Actions all={own} picked={picked} pick={pick} />
      <ProblemNote error={create.error} told={['body.name']} />
    </Dialog>
  )
}
