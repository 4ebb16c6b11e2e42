// SPDX-License-Identifier: Apache-2.0
// What becomes of a live stream when somebody else writes the identity file (PKI-2).

import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { chmod, rm, writeFile } from 'node:fs/promises'
import { type TestContext, test } from 'node:test'
import { createBell, systemDisk } from '@sealwatch/base'
import { certificateRequest, newTlsKey } from '@sealwatch/keys'
import { connectAgent } from '../../apps/agent/src/ship/client.ts'
import { acceptCertificates, type Identity, readIdentity, writeIdentity } from '../../apps/agent/src/ship/identity.ts'
import { type IdentityKeeper, openIdentity } from '../../apps/agent/src/ship/index.ts'
import { verifyCertificateRequest } from '../../apps/server/src/identity/index.ts'
import { atEnd } from './at-end.ts'
import { chainOf, enrolled, prepareAgent, type Server, sealSome, startServer, startShipping } from './fixture.ts'
import { shiftingClock } from './shifting-clock.ts'

/** As an operator gets it who issues for himself. */
async function issued({ identity: { authority } }: Server, hostId: string): Promise<Identity> {
  const key = newTlsKey()
  const { chain } = await authority.issueHost(await verifyCertificateRequest(certificateRequest(key)), hostId)
  return acceptCertificates(key, chain, authority.fingerprint, hostId)
}

async function kept(t: TestContext, server: Server) {
  const agent = await prepareAgent(t, server)
  const first = await enrolled(server, agent)
  const reload = createBell()
  const identity = (await openIdentity({ ...agent.options, reload })) as IdentityKeeper
  assert.deepEqual(identity.current, first.current)
  const over = new AbortController()
  const keeping = identity.run(over.signal)
  atEnd(t, async () => {
    over.abort()
    await keeping
  })
  const told = (level: string) => agent.log.lines.filter((line) => line.level === level)
  return { agent, identity, reload, told, file: agent.options.identityFile }
}

const until = async (is: () => boolean | Promise<boolean>) => {
  while (!(await is())) await new Promise(setImmediate)
}

test('PKI-2 an identity that is put into the file is taken, the stream goes on, and the next connection begins with it', async (t) => {
  const server = await startServer(t)
  const { agent, identity, file } = await kept(t, server)
  const chain = await chainOf(t, agent)
  const arrived = async () => server.ingest.until(chain.id, await sealSome(chain, 2))
  const shipping = startShipping(t, agent, identity, [chain])
  await arrived()
  const first = identity.current
  const next = await issued(server, first.hostId)
  await writeIdentity(file, next, systemDisk)
  await until(() => identity.current.serial === next.serial)
  await arrived()
  assert.deepEqual([...server.ingest.certificates], [first.serial])
  assert.equal(server.log.lines.filter(({ msg }) => msg === 'agent registered').length, 1)
  await shipping.stop()
  startShipping(t, agent, identity, [chain])
  await arrived()
  assert.deepEqual([...server.ingest.certificates], [first.serial, next.serial])
})

test('PKI-2 what cannot take its place is told with why, as often as it is asked for, and the identity in use stays', async (t) => {
  const [server, other] = [await startServer(t), await startServer(t)]
  const { agent, identity, reload, told, file } = await kept(t, server)
  const { current } = identity
  const good = await issued(server, current.hostId)
  const text = ({ keyPem, certificatePem, authorityPem }: Identity) => keyPem + certificatePem + authorityPem
  const foreign = await issued(server, 'f'.repeat(32))
  const wrong: readonly [content: string, why: RegExp][] = [
    ['', /key|PEM|DECODER/i],
    [text(good).slice(0, -200), /certificate|PEM/i],
    [text({ ...good, keyPem: current.keyPem }), /is for another key/],
    [text({ ...good, authorityPem: other.identity.authority.certificate.toString() }), /is of another CA/],
    [text(await issued(other, current.hostId)), /is of another CA/],
    [text(foreign), /is that of the host f{32}/],
    [text(good) + good.authorityPem, /3 certificates/],
    [text(good) + ' '.repeat(64 * 1024), /bytes/],
  ]
  for (const [i, [content, why]] of wrong.entries()) {
    await writeFile(file, content)
    reload.ring()
    await until(() => told('critical').length > i)
    assert.match(identity.problem?.message ?? '', why)
    assert.equal(identity.problem?.code, 'IDENTITY_NOT_TAKEN')
    assert.equal(identity.current, current)
  }
  await chmod(file, 0o640)
  reload.ring()
  await until(() => /its mode is 640/.test(identity.problem?.message ?? ''))
  await rm(file)
  reload.ring()
  await until(() => /ENOENT/.test(identity.problem?.message ?? ''))
  const secret =
    createPrivateKey(current.keyPem).export({ type: 'pkcs8', format: 'pem' }).toString().split('\n')[1] ?? ''
  assert.ok(!JSON.stringify(agent.log.lines).includes(secret))
  await writeIdentity(file, good, systemDisk)
  await until(() => identity.problem === undefined)
  assert.equal(identity.current.serial, good.serial)
  assert.deepEqual(await readIdentity(file), identity.current)
})

test('PKI-2 a certificate that is not valid now is not taken, and the renewal after it writes the file anew', async (t) => {
  const clock = shiftingClock()
  const server = await startServer(t, { clock })
  const agent = await prepareAgent(t, { ...server, clock })
  const first = await enrolled(server, agent)
  const over = await issued(server, first.current.hostId)
  clock.advance(23 * 3_600_000)
  const reload = createBell()
  const identity = (await openIdentity({ ...agent.options, reload })) as IdentityKeeper
  const keeping = new AbortController()
  const done = identity.run(keeping.signal)
  await until(() => identity.current.serial !== first.current.serial)
  const renewed = identity.current
  clock.advance(2 * 3_600_000)
  await writeIdentity(agent.options.identityFile, over, systemDisk)
  reload.ring()
  await until(() => /valid from/.test(identity.problem?.message ?? ''))
  assert.equal(identity.current, renewed)
  clock.advance(15 * 3_600_000)
  await until(() => identity.current !== renewed)
  assert.equal(identity.problem, undefined)
  const [, leaf = ''] = (await readIdentity(agent.options.identityFile))?.certificatePem.match(/(.*)/s) ?? []
  assert.equal(new X509Certificate(leaf).serialNumber.toLowerCase(), identity.current.serial)
  keeping.abort()
  await done
})

for (const [how, backMs] of Object.entries({ ahead: -20 * 3_600_000, behind: 20 * 3_600_000 }))
  test(`PKI-2 an agent whose clock is ${how} renews once in ten minutes, says so once, and is as ever when the clock is right`, async (t) => {
    const server = await startServer(t)
    const clock = shiftingClock()
    const agent = await prepareAgent(t, { ...server, clock })
    const identity = await enrolled(server, agent)
    const keeping = new AbortController()
    const done = identity.run(keeping.signal)
    atEnd(t, () => {
      keeping.abort()
      return done
    })
    const said = (level: string, text: RegExp) =>
      agent.log.lines.filter((line) => line.level === level && text.test(line.msg)).length
    const renewals = () => said('info', /certificate renewed/)
    /** So that whoever is due has had time for a renewal. */
    const passes = async (ms: number) => {
      clock.advance(ms)
      const { client, close } = connectAgent(server.url, identity.current.authorityPem)
      for (let i = 0; i < 3; i += 1) await assert.rejects(client.renew({}), /CERTIFICATE_MISSING/)
      close()
    }
    clock.setBack(backMs)
    clock.advance(1_000)
    await until(() => renewals() > 0)
    for (let i = 0; i < 10; i += 1) await passes(1_000)
    assert.equal(renewals(), 1)
    clock.advance(600_000)
    await until(() => renewals() > 1)
    await passes(1_000)
    assert.deepEqual([renewals(), said('warn', /clocks of this host and of its server differ/)], [2, 1])
    clock.setBack(-backMs)
    for (let i = 0; i < 3; i += 1) await passes(600_000)
    assert.equal(renewals(), 2)
  })

test('PKI-2 an agent that waits for a join token looks at its identity file when it is asked to', async (t) => {
  const server = await startServer(t)
  const lost = await prepareAgent(t, server)
  const { current } = await enrolled(server, lost)
  const { options, log } = await prepareAgent(t, server)
  const reload = createBell()
  const waiting = openIdentity({ ...options, reload })
  const told = (level: string, text: RegExp) => log.lines.some((line) => line.level === level && text.test(line.msg))
  const ring = (is: () => boolean) =>
    until(async () => {
      reload.ring()
      return is()
    })
  await ring(() => told('info', /no other identity/))
  await writeFile(options.identityFile, current.keyPem)
  await ring(() => told('critical', /is not taken/))
  await writeIdentity(options.identityFile, current, systemDisk)
  reload.ring()
  let taken: IdentityKeeper | undefined
  void waiting.then((keeper) => {
    taken = keeper
  })
  await ring(() => taken !== undefined)
  assert.deepEqual(taken?.current, current)
})
