// SPDX-License-Identifier: Apache-2.0

import { byNoun, verbOf } from '../../model/words.ts'

/** Picks of what may be done, under the things it is done to. */
export const Actions = ({
  all,
  picked,
  pick,
}: {
  readonly all: readonly string[]
  readonly picked: ReadonlySet<string>
  readonly pick: (next: ReadonlySet<string>) => void
}) => (
  <fieldset className="field">
    <legend>May do</legend>
    {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
    <section className="picks" tabIndex={0} aria-label="Actions">
      {byNoun(all).map(({ noun, actions }) => (
        <div key={noun}>
          <h3>{noun}</h3>
          {actions.map((action) => (
            <label className="pick" key={action}>
              <input
                type="checkbox"
                checked={picked.has(action)}
                onChange={({ target }) => {
                  const next = new Set(picked)
                  if (target.checked) next.add(action)
                  else next.delete(action)
                  pick(next)
                }}
              />
              {verbOf(action)}
            </label>
          ))}
        </div>
      ))}
    </section>
  </fieldset>
)
