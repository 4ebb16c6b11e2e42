// SPDX-License-Identifier: Apache-2.0

/**
 * What a flag of a program is followed by. `attached`: the secret itself, in the same argument; `alone`: in the next;
 * `secret`: in either. `user`: `name:secret`, `name%secret` or `name,secret`. `source`: `pass:secret`, as of openssl. `cookie`: the
 * secret, if there is a sign of equality in it, else a file.
 */
export type FlagKind = 'attached' | 'alone' | 'secret' | 'user' | 'source' | 'cookie'
export type Flags = Readonly<Record<string, FlagKind>>

const mysql: Flags = { '-p': 'attached' }
const archiver: Flags = { '-p': 'attached' }
const ldap: Flags = { '-w': 'secret' }
const mongo: Flags = { '-p': 'secret' }
const samba: Flags = { '-U': 'user' }
const snmp: Flags = { '-c': 'secret', '-A': 'secret', '-X': 'secret' }
const sshpass: Flags = { '-p': 'secret' }
const login: Flags = { '-p': 'secret' }

const rows: Readonly<Record<string, Flags>> = {
  'mysql mysqldump mysqladmin mysqlimport mysqlcheck mysqlshow mysqlslap mysqlbinlog mysqlpump': mysql,
  'mariadb mariadb-dump mariadb-admin mariadb-import mariadb-check mariadb-show mariadb-binlog': mysql,
  '7z 7za 7zr rar unrar': archiver,
  'zip unzip': { '-P': 'secret' },
  sshpass,
  curl: {
    '-u': 'user',
    '--user': 'user',
    '-U': 'user',
    '--proxy-user': 'user',
    '-b': 'cookie',
    '--cookie': 'cookie',
    '-E': 'user',
  },
  'http https httpie xh': { '-a': 'user', '--auth': 'user' },
  'redis-cli valkey-cli': { '-a': 'secret' },
  'ldapsearch ldapmodify ldapadd ldapdelete ldapwhoami ldappasswd ldapcompare': ldap,
  'mongo mongosh mongodump mongorestore mongoexport mongoimport': mongo,
  'smbclient rpcclient smbmap net crackmapexec nxc': samba,
  'sqlcmd bcp': { '-P': 'secret' },
  'docker podman nerdctl buildah skopeo helm': login,
  'useradd usermod': { '-p': 'secret' },
  ipmitool: { '-P': 'secret' },
  'snmpget snmpwalk snmpset snmpbulkwalk': snmp,
  openssl: {
    '-k': 'alone',
    '-K': 'alone',
    '-hmac': 'alone',
    '-pass': 'source',
    '-passin': 'source',
    '-passout': 'source',
    '-macopt': 'source',
  },
  az: login,
  lftp: { '-u': 'user' },
  'ncftp ncftpput ncftpget ncftpls': login,
  swaks: { '-ap': 'alone' },
  // Names of properties, not flags.
  nmcli: { password: 'alone', 'wifi-sec.psk': 'alone', '802-1x.password': 'alone', 'vpn.secrets': 'alone' },
  keytool: { '-storepass': 'secret', '-keypass': 'secret' },
}

const flagsByProgram = new Map(
  Object.entries(rows).flatMap(([names, flags]) => names.split(' ').map((name) => [name, flags])),
)

/** The flags of a program by which it is given secrets; undefined where none are known. */
export function flagsOf(program: string): Flags | undefined {
  return flagsByProgram.get(program.slice(program.lastIndexOf('/') + 1))
}

/** Does a text name such a program anywhere? */
export const namesProgram = (text: string): boolean => someProgram.test(text)
const someProgram = new RegExp([...flagsByProgram.keys()].join('|'))

/** `docker run -p 8080:80` publishes a port: only these of such a program take a password by that flag. */
export const needsLogin: ReadonlySet<Flags> = new Set([login])

/** What follows is another program, with flags of its own. */
export const wrappers: ReadonlySet<Flags> = new Set([sshpass])
