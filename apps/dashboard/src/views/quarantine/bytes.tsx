// SPDX-License-Identifier: Apache-2.0

import { sha256 } from '../../door/sha256.ts'
import type { Item } from '../../model/quarantine.ts'
import { counted, several } from '../../model/words.ts'
import { Facts } from '../parts/facts.tsx'
import { Icon } from '../parts/icon.tsx'
import { ProblemNote } from '../parts/states.tsx'
import { useAct } from '../session.ts'

/** Of what is long, so much is shown; all of it can be saved. */
const shownMax = 32 * 1024

/** Asked for by whoever wants to see it, and by nobody else: the ledger says who read them. */
export function Bytes({ item: { leaf_index, item } }: { readonly item: Item }) {
  const read = useAct(
    async (door, leaf: number) => {
      const { bytes, ...rest } = await door.call('readQuarantined', { params: { leaf_index: leaf } })
      return { ...rest, bytes: Uint8Array.fromBase64(bytes) }
    },
    { changes: [] },
  )
  const { data } = read
  if (data === undefined)
    return (
      <>
        <p>
          <small>They may hold personal values. That you read them enters the ledger, with your name.</small>
        </p>
        <button
          type="button"
          className="button small"
          disabled={read.isPending}
          onClick={() => read.mutate(leaf_index)}
        >
          <Icon name="eye" size={14} />
          Show the bytes
        </button>
        <ProblemNote error={read.error} />
      </>
    )
  const { bytes, encoding, peer, ledger } = data
  const isSame = sha256(bytes).toHex() === item
  return (
    <>
      {isSame ? (
        <p className="verified">
          <Icon name="check" size={15} />
          Their SHA-256, computed in this browser, is the name of the item
        </p>
      ) : (
        <div className="problem" role="alert">
          <b>These are not the bytes of the item</b>
          <span>Their SHA-256 is {sha256(bytes).toHex()}</span>
        </div>
      )}
      <Facts
        of={[
          ['Size', several(bytes.length, 'byte')],
          ['Encoding', encoding ?? 'not noted'],
          peer?.certificate == null ? null : ['Certificate', <code key="certificate">{peer.certificate}</code>],
          peer?.token == null ? null : ['Token', <code key="token">{peer.token}</code>],
          [
            'Your reading',
            ledger.leaf_index === null ? (
              'enters the ledger'
            ) : (
              <a key="reading" href={`/events?leaf=${ledger.leaf_index}`}>
                line {counted(ledger.leaf_index)}
              </a>
            ),
          ],
        ]}
      />
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
      <pre className="json" tabIndex={0}>
        {new TextDecoder().decode(bytes.subarray(0, shownMax))}
      </pre>
      {bytes.length > shownMax ? <small>The first {counted(shownMax)} bytes are shown.</small> : null}
      <button type="button" className="button small" onClick={() => save(bytes, `sealwatch-item-${leaf_index}`)}>
        <Icon name="save" size={14} />
        Save all of them
      </button>
    </>
  )
}

function save(bytes: Uint8Array<ArrayBuffer>, name: string): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([bytes], { type: 'application/octet-stream' }))
  link.download = name
  link.click()
  URL.revokeObjectURL(link.href)
}
