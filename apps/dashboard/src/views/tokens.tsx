// SPDX-License-Identifier: Apache-2.0

import type { Operations } from '@sealwatch/contract/api'
import { useState } from 'react'
import { Actions } from './parts/actions.tsx'
import { Secret } from './parts/copy.tsx'
import { Dialog } from './parts/dialog.tsx'
import { Field } from './parts/field.tsx'
import { Icon } from './parts/icon.tsx'
import { Page } from './parts/page.tsx'
import { Asked, Empty, ProblemNote } from './parts/states.tsx'
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
        {({ items }) =>
          items.length === 0 ? (
            <Empty icon="key" title="There are no tokens">
              <p>A token lets a program ask the API, as the command line and your own scripts do.</p>
            </Empty>
          ) : (
            <div className="card">
              <table className="table folds">
                <thead>
                  <tr>
                    {['Name', 'May', 'Last used', 'Ends', 'Made'].map((name) => (
                      <th scope="col" key={name}>
                        {name}
                      </th>
                    ))}
                    <th scope="col">
                      <span className="only-read">Acts</span>
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {items.map((token) => (
                    <TokenRow
                      key={token.token_id}
                      token={token}
                      revoke={may('token:revoke') ? () => revoke.mutate(token) : undefined}
                    />
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </Asked>
      {adding ? <NewToken close={() => setAdding(false)} /> : null}
    </Page>
  )
}

const shownActions = 3

function TokenRow({ token, revoke }: { readonly token: Token; readonly revoke: (() => void) | undefined }) {
  const now = useNow()
  const isOver = token.revoked_at !== null || Date.parse(token.expires_at) <= now
  const more = token.actions.length - shownActions
  return (
    <tr>
      <td data-of="Name">
        <span>
          <b>{token.name}</b>
          <br />
          <code>{token.token_id}</code>
        </span>
      </td>
      <td data-of="May">
        <span className="chips" title={token.actions.join('\n')}>
          {token.actions.slice(0, shownActions).map((action) => (
            <span className="chip" key={action}>
              {action}
            </span>
          ))}
          {more > 0 ? <span className="chip">{more} more</span> : null}
        </span>
      </td>
      <td data-of="Last used">
        {token.last_used_at === null ? <small>never</small> : <Time at={token.last_used_at} />}
      </td>
      <td data-of="Ends">
        {token.revoked_at !== null ? (
          <span className="chip bad">revoked</span>
        ) : isOver ? (
          <span className="chip warn">ended</span>
        ) : (
          <Time at={token.expires_at} />
        )}
      </td>
      <td data-of="Made">
        <Time at={token.created_at} />
      </td>
      <td className="acts">
        {isOver || revoke === undefined ? null : (
          <button type="button" className="button small bad" aria-label={`Revoke ${token.name}`} onClick={revoke}>
            Revoke
          </button>
        )}
      </td>
    </tr>
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
        placeholder="What will use it"
      />
      <div className="field">
        <label htmlFor="token-ends">Ends after</label>
        <select id="token-ends" className="input" value={ttl} onChange={({ target }) => setTtl(Number(target.value))}>
          {lengths.map(([seconds, text]) => (
            <option key={seconds} value={seconds}>
              {text}
            </option>
          ))}
        </select>
      </div>
      <Actions all={own} picked={picked} pick={pick} />
      <ProblemNote error={create.error} told={['body.name']} />
    </Dialog>
  )
}
