// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { setPriority } from 'node:os'
import process from 'node:process'
import { afterEach, describe, test } from 'node:test'
import { foremost, giveRank, keepRank, type Rank, rankOf, wantedRank } from './rank.ts'

const skip =
  process.platform !== 'linux'
    ? 'needs /proc'
    : process.getuid?.() !== 0 && 'needs root: to put a process before others'

describe('what a part is given of the machine', { skip }, () => {
  const children: ChildProcess[] = []
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL')
  })

  function born(): { pid: number; rank: Rank } {
    const child = spawn('sleep', ['1000'], { stdio: 'ignore', detached: true })
    children.push(child)
    const pid = child.pid as number
    assert.equal(giveRank(pid, foremost), undefined)
    return { pid, rank: wantedRank(pid, foremost, rankOf(process.pid)) as Rank }
  }

  test('AGT-8 nothing is said of one that has what it was given', () => {
    const { pid, rank } = born()
    assert.deepEqual([rank.policy, rank.nice], [0, -20])
    assert.equal(keepRank(pid, rank, false), undefined)
    assert.equal(keepRank(pid, rank, true), undefined)
  })

  test('AGT-8 whatever others do to its turn, its cores and its place when memory ends is said, and put back', () => {
    const { pid, rank } = born()
    const [first = '0'] = (rank.cores ?? '0').split(/[-,]/)
    const isOneCore = rank.cores === first
    execFileSync('chrt', ['--idle', '--pid', '0', String(pid)])
    assert.equal(keepRank(pid, rank, false)?.shown, 'scheduling policy SCHED_IDLE (was SCHED_OTHER)')
    execFileSync('chrt', ['--batch', '--pid', '0', String(pid)])
    execFileSync('taskset', ['--cpu-list', '--pid', first, String(pid)])
    setPriority(pid, 19)
    writeFileSync(`/proc/${pid}/oom_score_adj`, '1000')
    const hasAutogroup = rank.autogroup !== undefined
    if (hasAutogroup) writeFileSync(`/proc/${pid}/autogroup`, '19')
    assert.deepEqual(keepRank(pid, rank, true), {
      shown: [
        ...(hasAutogroup ? ['nice of its session 19 (was -20)'] : []),
        `oom_score_adj 1000 (was ${rank.oomScore})`,
        'scheduling policy SCHED_BATCH (was SCHED_OTHER)',
        'nice 19 (was -20)',
        ...(isOneCore ? [] : [`cores ${first} (was ${rank.cores})`]),
      ].join(', '),
      refused: undefined,
    })
    assert.deepEqual(rankOf(pid), rank)
    assert.equal(keepRank(pid, rank, true), undefined)
  })

  test('AGT-8 one that was born of a supervisor in the hands of others is to have what that one had before', () => {
    const inherited = rankOf(process.pid) as Rank
    const { pid } = born()
    execFileSync('chrt', ['--idle', '--pid', '0', String(pid)])
    assert.equal(wantedRank(pid, {}, inherited)?.policy, 0)
    assert.equal(wantedRank(pid, {}, inherited)?.nice, inherited.nice)
    assert.equal(wantedRank(pid, foremost, inherited)?.nice, -20)
  })

  test('what cannot be put back is said with the reason, and one that is gone is not spoken of', () => {
    const { pid, rank } = born()
    assert.equal(keepRank(pid, { ...rank, cores: '4000' }, true)?.refused, 'sched_setaffinity: EINVAL')
    assert.equal(keepRank(2 ** 22 + 1, rank, true), undefined)
    assert.equal(giveRank(2 ** 22 + 1, rank), undefined)
  })
})
