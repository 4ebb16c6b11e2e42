// SPDX-License-Identifier: Apache-2.0

import { type PolicyType, policyExamples, validatePolicy } from '@sealwatch/contract/policy'
import { useQueryClient } from '@tanstack/react-query'
import { useRef, useState } from 'react'
import { isProblem } from '../../door/api.ts'
import { browserClock } from '../../door/clock.ts'
import { setQuery } from '../../door/here.ts'
import { placeOf, pretty, textOf } from '../../model/policy-text.ts'
import { absolute, several } from '../../model/words.ts'
import { Icon } from '../parts/icon.tsx'
import { Page } from '../parts/page.tsx'
import { Asked, ProblemNote } from '../parts/states.tsx'
import { useUnsaved } from '../parts/unsaved.tsx'
import { useAct, useAsk, useMay } from '../session.ts'
import { Changes } from './changes.tsx'
import { DryRun } from './dry-run.tsx'
import { History } from './history.tsx'
import { Problems } from './problems.tsx'
import { type Read, useDraft } from './use-draft.ts'

/** A policy there is, or one that begins. */
export function Editor({ id, begun }: { readonly id: string; readonly begun: PolicyType | undefined }) {
  const read = useAsk(
    ['policy', id],
    async (door): Promise<Read> => {
      const { answer, headers } = await door.ask('getPolicy', { params: { id } })
      return { text: textOf(answer), etag: headers.get('etag') ?? undefined }
    },
    { enabled: begun === undefined },
  )
  if (begun !== undefined) return <Writing id={id} read={{ text: pretty(policyExamples[begun]), etag: undefined }} />
  return <Asked of={read}>{(found) => <Kept id={id} found={found} />}</Asked>
}

/** What somebody else saved meanwhile waits while there is something here that it would overwrite. */
function Kept({ id, found }: { readonly id: string; readonly found: Read }) {
  const [kept, keep] = useState(found)
  const [isChanged, setChanged] = useState(false)
  if (!isChanged && kept !== found) keep(found)
  return <Writing key={kept.etag} id={id} read={kept} tellChanged={setChanged} />
}

const panes = [
  { name: 'Problems', needs: 'policy:read' },
  { name: 'Changes', needs: 'policy:write' },
  { name: 'Dry run', needs: 'policy:try' },
  { name: 'History', needs: 'policy:read' },
] as const
type Pane = (typeof panes)[number]['name']

function Writing({
  id,
  read,
  tellChanged,
}: {
  readonly id: string
  readonly read: Read
  readonly tellChanged?: (isChanged: boolean) => void
}) {
  const draft = useDraft(id, read)
  const { text } = draft
  const [pane, setPane] = useState<Pane>('Problems')
  const area = useRef<HTMLTextAreaElement>(null)
  const gutter = useRef<HTMLPreElement>(null)
  const queries = useQueryClient()
  const { validation } = validatePolicy(text, { nowMs: browserClock.nowMs() })
  const errors = validation.problems.filter(({ severity }) => severity === 'error').length
  const isNew = read.etag === undefined
  const isChanged = isNew || text !== read.text
  const { question, release } = useUnsaved(text !== read.text, id, draft.drop)
  const isOver = () => {
    release()
    draft.drop()
    tellChanged?.(false)
  }
  const save = useAct(
    (door, policy: string) =>
      door.call('putPolicy', {
        params: { id },
        body: { policy },
        headers: draft.etag === undefined ? { 'if-none-match': '*' } : { 'if-match': draft.etag },
      }),
    {
      changes: ['policies', 'policy', 'versions'],
      says: () => `${id} saved and signed`,
      done: () => {
        isOver()
        setQuery({ id, new: undefined })
      },
    },
  )
  const remove = useAct(
    (door, etag: string) => door.call('deletePolicy', { params: { id }, headers: { 'if-match': etag } }),
    {
      changes: ['policies'],
      says: () => `${id} deleted`,
      done: () => {
        isOver()
        setQuery({ id: undefined, new: undefined })
      },
    },
  )
  const giveUp = () => {
    isOver()
    draft.discard()
    save.reset()
  }
  const lines = text.split('\n').length
  const may = useMay()
  const mayWrite = may('policy:write')
  return (
    <Page
      title={id}
      about={
        !mayWrite
          ? 'You may read it'
          : errors > 0
            ? `${several(errors, 'error')} to mend before it can be saved`
            : isChanged
              ? isNew && text === read.text
                ? 'It can be saved'
                : 'Not saved yet; it can be'
              : 'As it was saved, in canonical form: members are sorted'
      }
      fills
      acts={
        <>
          <button type="button" className="button plain" onClick={() => setQuery({ id: undefined, new: undefined })}>
            <Icon name="back" size={14} />
            All policies
          </button>
          {read.etag === undefined || !mayWrite ? null : (
            <button
              type="button"
              className="button bad"
              disabled={remove.isPending}
              onClick={() => remove.mutate(read.etag ?? '')}
            >
              Delete
            </button>
          )}
          {mayWrite ? (
            <button
              type="button"
              className="button first"
              disabled={!validation.ok || !isChanged || save.isPending}
              onClick={() => save.mutate(text)}
            >
              Save
            </button>
          ) : null}
        </>
      }
    >
      {question}
      {draft.resumed === undefined ? null : (
        <div className="problem calm" role="status">
          <b>What you had not saved is here again, as you left it at {absolute(draft.resumed.atMs)}</b>
          {draft.resumed.etag === read.etag ? null : (
            <small>Somebody has saved another version since: before yours is saved you will see what changed.</small>
          )}
          <button type="button" className="button small" onClick={giveUp}>
            Discard it
          </button>
        </div>
      )}
      <div className="policy">
        <div className="source card">
          <pre ref={gutter} aria-hidden="true">
            {Array.from({ length: lines }, (_, index) => index + 1).join('\n')}
          </pre>
          <textarea
            ref={area}
            data-search
            aria-label={`The policy ${id}, as JSON`}
            value={text}
            readOnly={!mayWrite && !may('policy:try')}
            spellCheck={false}
            autoComplete="off"
            wrap="off"
            onChange={({ target }) => {
              draft.write(target.value)
              tellChanged?.(target.value !== read.text)
            }}
            onScroll={({ currentTarget }) => {
              if (gutter.current !== null) gutter.current.scrollTop = currentTarget.scrollTop
            }}
          />
        </div>
        <div className="panes">
          <div className="tabs" role="tablist" aria-label="About the policy">
            {panes
              .filter(({ needs }) => may(needs))
              .map(({ name }) => (
                <button
                  key={name}
                  type="button"
                  role="tab"
                  id={`tab-${name}`}
                  aria-selected={pane === name}
                  aria-controls="pane"
                  onClick={() => setPane(name)}
                >
                  {name}
                  {name === 'Problems' && validation.problems.length > 0 ? (
                    <span className={errors > 0 ? 'count' : 'count mild'}>{validation.problems.length}</span>
                  ) : null}
                </button>
              ))}
          </div>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
          <div className="pane" id="pane" role="tabpanel" aria-labelledby={`tab-${pane}`} tabIndex={0}>
            <ProblemNote error={save.error ?? remove.error} />
            {isProblem(save.error, 'POLICY_CHANGED_MEANWHILE') ? (
              <button
                type="button"
                className="button small"
                onClick={() => {
                  giveUp()
                  void queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[1] === 'policy' })
                }}
              >
                Give mine up, and read what is there now
              </button>
            ) : null}
            {pane === 'Problems' ? (
              <Problems
                validation={validation}
                show={(line, column) => {
                  const at = placeOf(text, line, column)
                  area.current?.focus()
                  area.current?.setSelectionRange(at, at + 1)
                }}
              />
            ) : null}
            {pane === 'Changes' ? <Changes before={isNew ? undefined : read.text} after={text} /> : null}
            {pane === 'Dry run' ? <DryRun text={text} isValid={validation.ok} /> : null}
            {pane === 'History' ? isNew ? <p className="waiting">It has none yet.</p> : <History id={id} /> : null}
          </div>
        </div>
      </div>
    </Page>
  )
}
