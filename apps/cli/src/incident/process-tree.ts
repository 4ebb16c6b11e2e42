// SPDX-License-Identifier: Apache-2.0

import type { Operations } from '@sealwatch/contract/api'

type Lineage = Operations['getIncident']['answer']['incident']['lineages'][number]
type Process = Pick<Lineage, 'pid' | 'uid' | 'name' | 'path'>
export type TreeRow = { readonly depth: number; readonly process: Process; readonly isActor: boolean }

/** All who acted and those they come from as one tree, the oldest first; each process once. */
export function processTree(lineages: readonly Lineage[]): TreeRow[] {
  type Node = { readonly process: Process; isActor: boolean; readonly children: Node[] }
  const nodes = new Map<string, Node>()
  const roots: Node[] = []
  const keyOf = ({ uid, pid }: Process) => uid ?? String(pid)
  for (const lineage of lineages) {
    const steps: Process[] = [...lineage.ancestry].reverse()
    let parent: Node | undefined
    for (const process of [...steps, lineage]) {
      const known = nodes.get(keyOf(process))
      const node: Node = known ?? { process, isActor: false, children: [] }
      if (known === undefined) {
        nodes.set(keyOf(process), node)
        const siblings: Node[] = parent?.children ?? roots
        siblings.push(node)
      }
      parent = node
    }
    if (parent !== undefined) parent.isActor = true
  }
  const rowsOf = (node: Node, depth: number): TreeRow[] => [
    { depth, process: node.process, isActor: node.isActor },
    ...node.children.flatMap((child) => rowsOf(child, depth + 1)),
  ]
  return roots.flatMap((root) => rowsOf(root, 0))
}
