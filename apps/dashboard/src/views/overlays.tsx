// SPDX-License-Identifier: Apache-2.0
// What opens over a page, from anywhere.

import { useMutation, useQueryClient } from '@tanstack/react-query'
import { beforeLeaving, go } from '../door/here.ts'
import { type Place, placesFor } from '../model/places.ts'
import { keys } from '../model/shortcuts.ts'
import { Dialog } from './parts/dialog.tsx'
import { ProblemNote } from './parts/states.tsx'
import { PlaceLinks } from './rail.tsx'
import { useSession } from './session.ts'

type Close = { readonly close: () => void }

export function Shortcuts({ close }: Close) {
  const { view } = useSession()
  return (
    <Dialog title="Keyboard" close={close}>
      <div className="shortcuts">
        <section>
          <h3>Anywhere</h3>
          <dl>
            <Row keys="Enter" does="Open the one chosen in a list" />
            {keys.map(({ shown, does }) => (
              <Row key={shown} keys={shown} does={does} />
            ))}
          </dl>
        </section>
        <section>
          <h3>Go to</h3>
          <dl>
            {placesFor(view.actions).map(({ key, name }) => (
              <Row key={key} keys={`g ${key}`} does={name} />
            ))}
          </dl>
        </section>
      </div>
    </Dialog>
  )
}

const Row = ({ keys: shown, does }: { readonly keys: string; readonly does: string }) => (
  <>
    <dt>{does}</dt>
    <dd>
      {shown.split(' ').map((key) => (
        <kbd key={key}>{key}</kbd>
      ))}
    </dd>
  </>
)

export function Menu({ here, close }: Close & { readonly here: Place | undefined }) {
  const { view } = useSession()
  return (
    <Dialog title="Pages" close={close}>
      <nav className="places" aria-label="Pages">
        <PlaceLinks here={here} of={placesFor(view.actions)} then={close} />
      </nav>
    </Dialog>
  )
}

/** One session is in one tenant: whoever switches it has switched it in every tab. */
export function SwitchTenant({ close }: Close) {
  const { view, door } = useSession()
  const queries = useQueryClient()
  const switching = useMutation({
    mutationFn: (tenant: string) => door.call('switchTenant', { body: { tenant } }),
    onSuccess: async () => {
      // What was looked at is nothing there.
      go(window.location.pathname)
      queries.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'session' })
      await queries.refetchQueries({ queryKey: ['session'] })
    },
  })
  return (
    <Dialog title="Switch the tenant" close={close}>
      <ul className="tenants">
        {view.tenants.map((tenant) => (
          <li key={tenant}>
            <button
              type="button"
              aria-current={tenant === view.tenant}
              disabled={switching.isPending}
              onClick={() => (tenant === view.tenant ? close() : beforeLeaving(() => switching.mutate(tenant)))}
            >
              {tenant}
              {tenant === 'cluster' ? <small>the deployment’s own matters</small> : null}
              {tenant === view.tenant ? <small>you are here</small> : null}
            </button>
          </li>
        ))}
      </ul>
      <ProblemNote error={switching.error} />
    </Dialog>
  )
}
