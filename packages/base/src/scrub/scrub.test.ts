// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { redacted, scrubArguments, scrubText, scrubUnitsMax } from './index.ts'

/** `S` stands for the secret, `R` for what is left of it. Arguments are separated by ` ¦ `. */
const commands: readonly (readonly [given: string, left: string])[] = [
  ['tool ¦ --password ¦ S', 'tool ¦ --password ¦ R'],
  ['tool ¦ --password=S', 'tool ¦ --password=R'],
  ['tool ¦ --client-secret ¦ two words S', 'tool ¦ --client-secret ¦ R'],
  ['mysql ¦ -uroot ¦ -pS ¦ db', 'mysql ¦ -uroot ¦ -pR ¦ db'],
  ['/usr/bin/mysqldump ¦ -pS', '/usr/bin/mysqldump ¦ -pR'],
  ['sshpass ¦ -p ¦ S ¦ ssh ¦ -p ¦ 2222 ¦ host', 'sshpass ¦ -p ¦ R ¦ ssh ¦ -p ¦ 2222 ¦ host'],
  ['docker ¦ login ¦ -u ¦ me ¦ -p ¦ S', 'docker ¦ login ¦ -u ¦ me ¦ -p ¦ R'],
  [
    'docker ¦ run ¦ -p ¦ 8080:80 ¦ -e ¦ DB_PASSWORD=a S ¦ img',
    'docker ¦ run ¦ -p ¦ 8080:80 ¦ -e ¦ DB_PASSWORD=R ¦ img',
  ],
  ['redis-cli ¦ -a ¦ S ¦ ping', 'redis-cli ¦ -a ¦ R ¦ ping'],
  ['smbclient ¦ //h/s ¦ -U ¦ me%S', 'smbclient ¦ //h/s ¦ -U ¦ me%R'],
  ['openssl ¦ enc ¦ -k ¦ S ¦ -in ¦ file', 'openssl ¦ enc ¦ -k ¦ R ¦ -in ¦ file'],
  ['openssl ¦ rsa ¦ -passin ¦ pass:S ¦ -keyout ¦ k', 'openssl ¦ rsa ¦ -passin ¦ pass:R ¦ -keyout ¦ k'],
  ['env ¦ AWS_SECRET_ACCESS_KEY=/S+/ab ¦ aws ¦ s3', 'env ¦ AWS_SECRET_ACCESS_KEY=R ¦ aws ¦ s3'],
  ['aws ¦ configure ¦ set ¦ aws_secret_access_key ¦ S', 'aws ¦ configure ¦ set ¦ aws_secret_access_key ¦ R'],
  ['npm ¦ set ¦ //registry.example.org/:_authToken=S', 'npm ¦ set ¦ //registry.example.org/:_authToken=R'],
  ['java ¦ -Djavax.net.ssl.keyStorePassword=S ¦ -jar', 'java ¦ -Djavax.net.ssl.keyStorePassword=R ¦ -jar'],
  ['mount ¦ -o ¦ user=a,password=S,uid=0', 'mount ¦ -o ¦ user=a,password=R,uid=0'],
  ['kubectl ¦ create ¦ --from-literal=password=S', 'kubectl ¦ create ¦ --from-literal=password=R'],
  ['app ¦ AUDIT_SIGNING_KEY=S', 'app ¦ AUDIT_SIGNING_KEY=R'],
  ['app ¦ --pin ¦ S', 'app ¦ --pin ¦ R'],
  ['app ¦ --password ¦ $S', 'app ¦ --password ¦ R'],
  ['curl ¦ -u ¦ me:S ¦ https://h', 'curl ¦ -u ¦ me:R ¦ https://h'],
  ['curl ¦ -su ¦ me:S ¦ https://h', 'curl ¦ -su ¦ me:R ¦ https://h'],
  ['curl ¦ -b ¦ sid=S', 'curl ¦ -b ¦ R'],
  ['curl ¦ -H ¦ Authorization: Bearer S', 'curl ¦ -H ¦ Authorization: Bearer R'],
  ['curl ¦ -H ¦ Authorization: Basic S', 'curl ¦ -H ¦ Authorization: Basic R'],
  ['curl ¦ -H ¦ X-Api-Key: S', 'curl ¦ -H ¦ X-Api-Key: R'],
  ['curl ¦ -H ¦ token: S', 'curl ¦ -H ¦ token: R'],
  ['curl ¦ -x ¦ http://me:S@proxy:3128 ¦ -F ¦ apikey=S', 'curl ¦ -x ¦ http://me:R@proxy:3128 ¦ -F ¦ apikey=R'],
  [
    'git ¦ -c ¦ http.extraHeader=Authorization: Basic S ¦ fetch',
    'git ¦ -c ¦ http.extraHeader=Authorization: Basic R ¦ fetch',
  ],
  ['terraform ¦ apply ¦ -var=db_password=S', 'terraform ¦ apply ¦ -var=db_password=R'],
  ['az ¦ login ¦ -u ¦ me ¦ -p ¦ S', 'az ¦ login ¦ -u ¦ me ¦ -p ¦ R'],
  ['nmcli ¦ dev ¦ wifi ¦ connect ¦ home ¦ password ¦ S', 'nmcli ¦ dev ¦ wifi ¦ connect ¦ home ¦ password ¦ R'],
  ['lftp ¦ -u ¦ me,S ¦ host', 'lftp ¦ -u ¦ me,R ¦ host'],
  ['psql ¦ host=h password=S user=me', 'psql ¦ host=h password=R user=me'],
  [
    `python3 ¦ -c ¦ get(u, headers={'Authorization': 'Bearer S'}, password='S')`,
    `python3 ¦ -c ¦ get(u, headers={'Authorization': 'Bearer R'}, password='R')`,
  ],
  ['curl ¦ -H ¦ Cookie: a=S; b=S', 'curl ¦ -H ¦ Cookie: R'],
  ['curl ¦ https://me:S@h:8443/p?x=1&token=S&y=2#z', 'curl ¦ https://me:R@h:8443/p?x=1&token=R&y=2#z'],
  ['curl ¦ https://h/?code=S&sig=S&key=S&state=1', 'curl ¦ https://h/?code=R&sig=R&key=R&state=1'],
  ['wget ¦ https://b.s3/o?X-Amz-Signature=S', 'wget ¦ https://b.s3/o?X-Amz-Signature=R'],
  ['git ¦ clone ¦ ssh://me:S@h:22/a@2x.png', 'git ¦ clone ¦ ssh://me:R@h:22/a@2x.png'],
  ['psql ¦ postgres://me:S@h:5432/db', 'psql ¦ postgres://me:R@h:5432/db'],
  ['app ¦ redis://:S/and/more@h:1', 'app ¦ redis://:R@h:1'],
  ['app ¦ Server=h;User=sa;Password=S;Database=d', 'app ¦ Server=h;User=sa;Password=R;Database=d'],
  ['mysql ¦ -e ¦ ALTER USER a IDENTIFIED BY "S"', 'mysql ¦ -e ¦ ALTER USER a IDENTIFIED BY "R"'],
  ["psql ¦ -c ¦ ALTER USER a WITH PASSWORD 'S'", "psql ¦ -c ¦ ALTER USER a WITH PASSWORD 'R'"],
  ['sh ¦ -c ¦ PGPASSWORD=S psql -h db; rm -rf /x', 'sh ¦ -c ¦ PGPASSWORD=R psql -h db; rm -rf /x'],
  ['sh ¦ -c ¦ cd /x && mysql -uroot -pS <dump', 'sh ¦ -c ¦ cd /x && mysql -uroot -pR <dump'],
  ['ssh ¦ host ¦ sudo sh -c "mysql -p\'S\' db"', 'ssh ¦ host ¦ sudo sh -c "mysql -pR db"'],
  [
    `bash ¦ -c ¦ curl -H "Authorization: Bearer S" -d '{"password":"S x","user":"a"}' https://h | sh`,
    `bash ¦ -c ¦ curl -H "Authorization: Bearer R" -d '{"password":"R","user":"a"}' https://h | sh`,
  ],
  [
    'bash ¦ -c ¦ curl -d "{\\"token\\": \\"S\\", \\"a\\": 1}" h',
    'bash ¦ -c ¦ curl -d "{\\"token\\": \\"R\\", \\"a\\": 1}" h',
  ],
]

const fill = (text: string, letter: 'S' | 'R', value: string) =>
  text.replace(new RegExp(`(?<![A-Z])${letter}(?![a-zA-Z])`, 'g'), () => value)

const secrets = ['hunter2-Planted', 'Zm9vYmFyYmF6cXV4', '0f1e2d3c4b5a69788796a5b4c3d2e1f0', 'Tr0ub4dor.3']

test('LOG-5: of a command line program, flags and structure are left, and no secret', async (t) => {
  for (const [given, left] of commands) {
    await t.test(given, () => {
      for (const secret of secrets) {
        const argv = given.split(' ¦ ').map((word) => fill(word, 'S', secret))
        const scrubbed = scrubArguments(argv)
        assert.equal(scrubbed.join(' ¦ '), fill(left, 'R', redacted))
        assert.equal(scrubArguments(scrubbed), scrubbed, 'what is scrubbed stays as it is')
      }
    })
  }
})

// Assembled here, so that no scanner takes this file for a leak.
const many = (text: string, times: number) => text.repeat(times)
const forms = [
  `ghp_${many('a1B2c3', 6)}`,
  `github_pat_${many('a1B2c3', 6)}`,
  `glpat-${many('a1B2c3', 4)}`,
  `xoxb-${many('1234567890-', 3)}abc`,
  `AKIA${many('ABCD', 4)}`,
  `sk_live_${many('a1B2c3', 5)}`,
  `npm_${many('a1B2c3', 6)}`,
  `eyJ${many('hbGci', 4)}.eyJ${many('zdWIi', 4)}.${many('c2ln', 8)}`,
  `swj_${many('aB3', 14)}x.${many('0f', 16)}`,
  `$6$saltsalt$${many('a1B2/.', 8)}`,
  `-----BEGIN RSA PRIVATE KEY-----\n${many('MIIEow', 9)}\n-----END RSA PRIVATE KEY-----`,
  `-----BEGIN OPENSSH PRIVATE KEY-----\n${many('b3Bl', 9)}`,
]

test('LOG-5: what tells itself as a secret goes wherever it stands', () => {
  for (const form of forms)
    for (const text of [form, `echo ${form}`, `x='${form}'`, `https://h/${form}`, `a\n${form}`])
      assert(!scrubText(text).includes(form.slice(8, 40)) && scrubText(text).includes(redacted), text)
})

test('LOG-5: messages, errors and URLs in prose are scrubbed too', () => {
  const rows = [
    ['fetch of https://me:S@h/x failed', 'fetch of https://me:R@h/x failed'],
    ['password: S', 'password: R'],
    ['"client_secret": "S"', '"client_secret": "R"'],
    ['Authorization: Bearer S (sent)', 'Authorization: Bearer R (sent)'],
    ['spawn mysql -pS ENOENT', 'spawn mysql -pR ENOENT'],
    ['bad setting AUDIT_SIGNING_KEY=S at line 3', 'bad setting AUDIT_SIGNING_KEY=R at line 3'],
  ]
  for (const [given = '', left = ''] of rows)
    assert.equal(scrubText(fill(given, 'S', 'hunter2Planted9')), fill(left, 'R', redacted))
})

/** Real ones: of builds, package managers, units, and of the words by which a scrubber is led astray. */
const ordinary = [
  'cat /etc/shadow',
  '/usr/bin/python3 -m http.server --bind 127.0.0.1 8080',
  'gcc -O2 -g -Wall -DNDEBUG -DKEY_MAX=64 -o build/main.o -c src/main.c',
  'ssh -p 2222 -i /root/.ssh/id_ed25519 git@github.com git-upload-pack x/y.git',
  'git clone ssh://git@github.com/x/y && git config credential.helper store',
  'git log --pretty=format:%H --author=alice',
  'apt-get install -y python3-jwt:amd64 libsecret-1-0=0.20.5-3 apt-transport-https=2.6.1',
  'dpkg-deb --control /tmp/apt-dpkg/0-passwd_4.13_amd64.deb',
  'kubeadm join --discovery-token-ca-cert-hash sha256:0011223344556677 10.0.0.1:6443',
  'openssl req -new -key /etc/ssl/private/x.key -out x.csr -subj /CN=x',
  'openssl x509 -in cert.pem -noout -text',
  'docker run -p 8080:80 --name mysql -e TZ=UTC mysql:8 --max-connections=10',
  'psql -h db -p 5432 -U app -w -c select',
  'tool --password-file=/run/secrets/pw --token-ttl=3600 --no-password --password-stdin',
  'tool --key /etc/x.pem --cert=/etc/x.crt --keyid 4711 --keyserver hkps://keys.openpgp.org:443',
  'mysql --password -u root db',
  'ffmpeg -pass 1 -i a.mp4 b.mp4',
  'curl -fsSL https://deb.example.org:443/debian/dists/bookworm/InRelease?x=1&page=2',
  'curl -b cookies.txt -c cookies.txt https://h/',
  'sort -k 2,2n --key=1 -t : /etc/passwd',
  'grep -rn "password: " src --include=*.ts',
  'npm ci --ignore-scripts --no-audit --prefix=/tmp/x',
  'node --test --test-name-pattern=token packages/keys/src/ed25519.test.ts',
  'getent passwd 1000',
  "sed -i -e 's/^passwd:.*/passwd: files/' /etc/nsswitch.conf",
  'systemd-tty-ask-password-agent --watch',
  'az vm list -p json',
  'sealwatch witness add-log --log-key example.com/log+6fbf7f59+AchTrQ8M0rYZrqks7sT9VqJNZJnVhM55JX5Fz9gTm2Cn',
  'ssh-keygen -t ed25519 -f key -C 8f14e45fceea167a5a36dedd4bea2543',
  'nmcli dev wifi list',
  'env PWD=/opt/some/place OLDPWD=/x SSH_AUTH_SOCK=/run/user/0/agent true',
  'sh -c "echo $PASSWORD | docker login --password-stdin && export TOKEN=$TOKEN"',
  'make -j2 ASSUMPTION=1 COMPASS=north BYPASS=yes tokens=4',
]

test('ordinary command lines are left as they are', () => {
  for (const line of ordinary) {
    assert.equal(scrubText(line), line)
    const argv = line.startsWith('sh -c') ? ['sh', '-c', line.slice(7, -1)] : line.split(' ')
    assert.equal(scrubArguments(argv), argv, line)
  }
})

test('a secret of any letters behind a flag, a sign or in a URL is gone', () => {
  const letter = fc.constantFrom(...'abcXYZ0189._-+/=~!$%^*')
  const word = fc.string({ unit: letter, minLength: 8, maxLength: 40 }).filter((text) => /^[A-Za-z0-9].*\d/.test(text))
  fc.assert(
    fc.property(word, (secret) => {
      const argv = [
        'x',
        '--password',
        secret,
        `DB_PASS=${secret}`,
        `--api-key=${secret}`,
        '-H',
        `Authorization: ${secret}`,
      ]
      assert(!scrubArguments(argv).join(' ').includes(secret))
    }),
  )
})

test('hostile texts of the largest size come to an end, and scrubbing again changes nothing', {
  timeout: 120_000,
}, () => {
  const parts =
    'password= key= key="$ :// ://a: ://a@ -----BEGIN eyJ -eyJ .eyJaaaaaaaa ghp_ authorization:$a $6$ " \\" \' ( key=\\" sh¦-c¦" a'
  for (const part of parts.split(' ')) {
    const text = part.replaceAll('¦', ' ').repeat(scrubUnitsMax / part.length)
    const once = scrubText(text)
    assert.equal(scrubText(once), once, part)
    scrubArguments([text])
    scrubArguments(`${part} `.repeat(8_000).split(' '))
  }
})

test('what lies beyond the largest size is not kept', () => {
  assert.equal(scrubText(`token ${'x'.repeat(scrubUnitsMax)} tail`).length, scrubUnitsMax + 1)
})

test('LOG-5: a private key in one line, its newlines written out, goes as a whole', () => {
  const key = 'b\\n-----BEGIN RSA PRIVATE KEY-----\\nMIIEow\\n-----END RSA PRIVATE KEY-----\\nc'
  assert.equal(scrubText(key), `b\\n${redacted}\\nc`)
})
