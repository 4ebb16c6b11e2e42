// SPDX-License-Identifier: Apache-2.0

import { QueryClient, QueryClientProvider, useQuery } from '@tanstack/react-query'
import { useEffect, useMemo, useState } from 'react'
import { isProblem, isUnreachable, openDoor } from '../door/api.ts'
import { browserClock } from '../door/clock.ts'
import { drafts } from '../door/drafts.ts'
import { watchPerson } from '../door/person.ts'
import { Frame } from './frame.tsx'
import { Toast } from './parts/toast.tsx'
import { type Done, SessionContext } from './session.ts'
import { Loading, SignIn, Unreachable } from './sign-in.tsx'

const retryMs = 2_000
const sessionMs = 30_000
const retriesMax = 2
/** An answer that says no says it again; one that never came may come. */
const retry = (failures: number, error: unknown) => isUnreachable(error) && failures < retriesMax

const newQueries = () =>
  new QueryClient({
    defaultOptions: { queries: { retry, retryDelay: retryMs, staleTime: 5_000 }, mutations: { retry: false } },
  })

export function App() {
  const [queries] = useState(newQueries)
  return (
    <QueryClientProvider client={queries}>
      <Session />
    </QueryClientProvider>
  )
}

function Session() {
  const [door] = useState(() => openDoor(watchPerson(browserClock)))
  const asked = useQuery({
    queryKey: ['session'],
    queryFn: door.readSession,
    // What is granted or taken elsewhere shows here.
    refetchInterval: sessionMs,
  })
  const { data: view, error } = asked
  const [done, say] = useState<Done>()
  const session = useMemo(() => (view === undefined ? undefined : { view, door, say }), [view, door])
  const person = view?.person?.person_id
  useEffect(() => {
    if (person !== undefined) drafts.forgetOthers(person)
  }, [person])
  if (isProblem(error, 'CREDENTIALS_INVALID')) return <SignIn />
  if (session !== undefined)
    return (
      <SessionContext value={session}>
        <Frame key={session.view.tenant} />
        <Toast done={done} over={() => say(undefined)} />
      </SessionContext>
    )
  return error === null ? <Loading /> : <Unreachable error={error} again={() => void asked.refetch()} />
}
