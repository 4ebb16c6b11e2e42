// SPDX-License-Identifier: Apache-2.0
// What is shown to whoever has no session, or cannot be told.

import { useHere } from '../door/here.ts'
import { Mark } from './parts/icon.tsx'
import { ProblemNote } from './parts/states.tsx'

export function SignIn() {
  const { path, query } = useHere()
  const search = query.toString()
  const back = encodeURIComponent(search === '' ? path : `${path}?${search}`)
  return (
    <main className="alone">
      <div>
        <Mark size={52} />
        <h1>Sealwatch</h1>
        <p>See what happens on your hosts, stop what must not happen, prove afterwards what happened.</p>
        <a className="button first" href={`/auth/login?return_to=${back}`}>
          Sign in
        </a>
        <p>
          <small>
            On the server itself, <code>sealwatch login</code> makes a link that signs you in once (with{' '}
            <code>--data DIR</code> where it was started with one).
          </small>
        </p>
      </div>
    </main>
  )
}

export const Loading = () => (
  <main className="alone" aria-busy="true">
    <div>
      <Mark size={52} />
      <span className="only-read" role="status">
        Loading
      </span>
    </div>
  </main>
)

export const Unreachable = ({ error, again }: { readonly error: unknown; readonly again: () => void }) => (
  <main className="alone">
    <div>
      <Mark size={52} />
      <h1>Sealwatch</h1>
      <ProblemNote error={error} again={again} />
    </div>
  </main>
)
