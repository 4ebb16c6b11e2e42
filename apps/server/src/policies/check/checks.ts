// SPDX-License-Identifier: Apache-2.0

import { type Clock, type Log, messageOf } from '@sealwatch/base'
import type { ValidatedPolicy } from '@sealwatch/contract/policy'
import { policyError } from '../errors.ts'
import { checkPolicy, type PolicyQuestion } from './check-policy.ts'
import { type KeptThread, keepThreads, TooLong } from './kept-thread.ts'

export type PolicyChecks = {
  /**
   * As validatePolicy. What may take its time is checked on a thread of its own, where a tenant has one that is checked and one
   * that waits. Throws POLICY_CHECKS_BUSY, POLICY_CHECK_TOO_LONG, POLICY_CHECK_FAILED.
   */
  check(tenant: string, question: PolicyQuestion): Promise<ValidatedPolicy>
} & AsyncDisposable

export const checkLimits = {
  /** What is longer, and what names lists, goes to the thread: a list may stand for many values in few characters. */
  inPlaceUnitsMax: 4 * 1024,
  waitingMax: 16,
  deadlineMs: 5_000,
} as const
/** What is told to those for whom there is no room: until then one at least has been checked. */
const busyMs = 1_000
const attemptsMax = 2

type Job = PromiseWithResolvers<ValidatedPolicy> & { readonly tenant: string; readonly question: PolicyQuestion }

export type CheckOptions = {
  readonly clock: Clock
  readonly log: Log
  /** The module that is the thread. */
  readonly entry?: URL
  readonly limits?: Readonly<Record<keyof typeof checkLimits, number>>
}

/** Resolves when the thread has loaded all it needs: from then on the process may give up its privileges. */
export async function preparePolicyChecks({
  clock,
  log,
  entry,
  limits = checkLimits,
}: CheckOptions): Promise<PolicyChecks> {
  const threads = keepThreads(entry ?? new URL('./thread.ts', import.meta.url), clock)
  // It has loaded all that it needs: it is started again when somebody asks, for one that rests holds 20 MB.
  await (await threads.start())[Symbol.asyncDispose]()
  let thread: KeptThread | undefined
  const waiting: Job[] = []
  let isWorking = false
  let isOver = false

  async function begun(): Promise<KeptThread> {
    thread ??= await threads.start()
    // It was started meanwhile, and nobody else would end it.
    if (isOver) await thread[Symbol.asyncDispose]()
    return thread
  }

  /** Checking changes nothing, so what ended with its thread is begun again, once. */
  async function run({ question }: Job): Promise<ValidatedPolicy> {
    const attempted = 'checking a policy'
    for (let attempt = 1; ; attempt += 1) {
      if (isOver) throw policyError('POLICY_CHECK_FAILED', { attempted, received: 'the end of the server' })
      try {
        return (await (await begun()).ask(question, limits.deadlineMs)) as ValidatedPolicy
      } catch (cause) {
        thread = undefined
        if (isOver) continue
        log.warn('the thread that checks policies was lost', { cause: messageOf(cause) })
        if (cause instanceof TooLong) throw policyError('POLICY_CHECK_TOO_LONG', { attempted, cause })
        if (attempt === attemptsMax)
          throw policyError('POLICY_CHECK_FAILED', { attempted, received: messageOf(cause), cause })
      }
    }
  }

  async function work(): Promise<void> {
    if (isWorking) return
    isWorking = true
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift())
      await run(job).then(job.resolve, job.reject)
    isWorking = false
  }

  return {
    check: async (tenant, question) => {
      if (isLight(question.text, limits.inPlaceUnitsMax)) return checkPolicy(question)
      if (waiting.length >= limits.waitingMax || waiting.some((job) => job.tenant === tenant))
        throw policyError('POLICY_CHECKS_BUSY', { attempted: 'checking a policy', waitMs: busyMs })
      const job: Job = { ...Promise.withResolvers<ValidatedPolicy>(), tenant, question }
      waiting.push(job)
      void work()
      return job.promise
    },
    [Symbol.asyncDispose]: async () => {
      isOver = true
      await thread?.[Symbol.asyncDispose]()
    },
  }
}

/** Few values, and none of a list, however its name is written. */
const isLight = (text: string, unitsMax: number) => text.length <= unitsMax && !/[@\\]/.test(text)
