// SPDX-License-Identifier: Apache-2.0
// What a page shows while it has nothing else to show.

import { toSeconds } from '@sealwatch/base/time'
import type { UseQueryResult } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { isProblem, isUnreachable } from '../../door/api.ts'
import { Icon, type IconName } from './icon.tsx'

export const Bones = ({ rows = 5 }: { readonly rows?: number }) => (
  <div className="card bones" role="status" aria-label="Loading">
    {Array.from({ length: rows }, (_, row) => `bone ${row}`).map((key) => (
      <span key={key} />
    ))}
  </div>
)

export const Empty = ({
  icon,
  title,
  children,
}: {
  readonly icon: IconName
  readonly title: string
  readonly children?: ReactNode
}) => (
  <div className="card empty">
    <Icon name={icon} size={36} />
    <b>{title}</b>
    {children}
  </div>
)

/** `isCluster`: it is the deployment's, whose roles are held in the tenant `cluster`. */
export const NotYours = ({
  request,
  isCluster = false,
}: {
  readonly request?: string | undefined
  readonly isCluster?: boolean
}) => (
  <div className="problem calm" role="alert">
    <b>{isCluster ? 'This belongs to the deployment' : 'Your role in this tenant does not include this'}</b>
    <small>
      {isCluster
        ? 'Whoever administers the deployment can grant a role in the tenant cluster; who holds one goes there under Tenant.'
        : 'Whoever administers the tenant can grant it.'}
      {request === undefined ? null : ` Request ${request}`}
    </small>
  </div>
)

/** `body.name` is how the API calls it; people see a field. */
const fieldOf = (at: string) => at.replace(/^(?:body|params|query)\.?/, '').replaceAll('_', ' ')

/** What went wrong, what it means, and what leads to it in the log. `told`: parts whose fields say themselves what is wrong. */
export function ProblemNote({
  error,
  again,
  told = [],
}: {
  readonly error: unknown
  readonly again?: () => void
  readonly told?: readonly string[]
}) {
  if (error === null || error === undefined) return null
  if (isProblem(error, 'ACCESS_DENIED')) return <NotYours request={error.problem.request_id} />
  const button =
    again === undefined ? null : (
      <button type="button" className="button small" onClick={again}>
        Try again
      </button>
    )
  if (!isProblem(error))
    return (
      <div className="problem" role="alert">
        <b>{isUnreachable(error) ? 'The server does not answer' : 'Something here went wrong'}</b>
        {isUnreachable(error) ? null : <small>{String(error)}</small>}
        {button}
      </div>
    )
  const { title, code, request_id } = error.problem
  const all = error.problem.problems ?? []
  const problems = all.filter(({ at }) => !told.includes(at))
  if (all.length > 0 && problems.length === 0) return null
  // Which part of a request is wrong says more than that one is.
  const about = all.length > 0 ? [] : [error.problem.detail, error.problem.advice]
  return (
    <div className="problem" role="alert">
      <b>{title}</b>
      {about.map((text) => (text === undefined ? null : <span key={text}>{toSeconds(text)}</span>))}
      {problems.length === 0 ? null : (
        <ul>
          {problems.map(({ at, rule }) => (
            <li key={at + rule}>
              {fieldOf(at) === '' ? null : <b>{fieldOf(at)}: </b>}
              {rule}
            </li>
          ))}
        </ul>
      )}
      <small>
        {code} · {request_id}
      </small>
      {button}
    </div>
  )
}

/** The answer once it is there; until then its bones, or why it is not. */
export function Asked<T>({
  of,
  rows,
  children,
}: {
  readonly of: Pick<UseQueryResult<T>, 'data' | 'error' | 'refetch'>
  readonly rows?: number
  readonly children: (answer: T) => ReactNode
}) {
  if (of.data !== undefined) return children(of.data)
  if (of.error !== null) return <ProblemNote error={of.error} again={() => void of.refetch()} />
  return <Bones {...(rows === undefined ? {} : { rows })} />
}
