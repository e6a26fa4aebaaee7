/** Where the tests' Redis comes from on machines that have less than this one, played by scripts. */
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { findRedis } from '../../demo/redis-program.ts'
import { temporaryDirectory } from '../helpers/sluice.ts'
import { until } from '../helpers/until.ts'

t.setTimeout(400_000) // ends a hung run; nothing is measured by it

const SERVER = 'echo "Redis server v=9.8.7 sha=00000000:0 bits=64"'

/** A PATH that has these programs only, each the body of a shell script that may write to $LOG. */
function machine(t: Test, programs: Readonly<Record<string, string>>) {
  const directory = temporaryDirectory(t)
  const log = join(directory, 'log')
  writeFileSync(log, '')
  mkdirSync(join(directory, 'bin'))
  for (const [name, body] of Object.entries(programs)) {
    const text = `#!/bin/sh\nPATH=/usr/bin:/bin\nLOG=${log}\n${body}\n`
    writeFileSync(join(directory, 'bin', name), text, { mode: 0o755 })
  }
  return {
    directory,
    bin: join(directory, 'bin'),
    log: () => readFileSync(log, 'utf8'),
    find: (env: Readonly<Record<string, string>> = {}) =>
      findRedis({ env: { PATH: join(directory, 'bin'), ...env }, cache: join(directory, 'cache') })
  }
}

t.test('the server on the PATH is taken when REDIS_SERVER names no other', async t => {
  const { find, bin } = machine(t, {
    'redis-server': SERVER,
    mine: SERVER.replace('9.8.7', '6.2.0')
  })
  t.match(await find(), { version: '9.8.7', from: /redis-server \(from the PATH\)/ })
  const file = join(bin, 'mine')
  t.match(await find({ REDIS_SERVER: file }), {
    version: '6.2.0',
    from: `${file} (from REDIS_SERVER)`
  })
})

t.test('a wrong REDIS_SERVER is an error when another server is there', async t => {
  const { find, bin } = machine(t, { 'redis-server': SERVER, other: 'echo valkey?' })
  await t.rejects(find({ REDIS_SERVER: '/no/such/file' }), /REDIS_SERVER\) does not run/)
  await t.rejects(find({ REDIS_SERVER: join(bin, 'other') }), /not a redis-server, it says: valkey/)
})

t.test('packages are unpacked once when several look at the same time', async t => {
  const { find, log } = machine(t, {
    'apt-cache': `
      echo redis-server; echo '  Depends: redis-tools'
      echo redis-tools; echo '  PreDepends: init-system-helpers'; echo '  Depends: libssl3'
      echo '  Depends: libc6'; echo libssl3; echo '  Depends: libzstd1'; echo '  Depends: <virtual>'
      echo libzstd1; echo libc6; echo '  Depends: libgcc-s1'; echo libgcc-s1; echo init-system-helpers`,
    'apt-get': `
      for word; do last=$word; done
      [ "$last" != update ] || { echo update >> $LOG; : > "$LOG.lists"; exit; }
      [ -e "$LOG.lists" ] || { echo 'E: Unable to locate package redis-server' >&2; exit 100; }
      while [ "$1" != download ]; do shift; done; shift
      echo "download $*" >> $LOG
      sleep 0.2
      for name; do : > $name.deb; done`,
    'dpkg-deb': `
      mkdir -p "$3/usr/lib/x86_64-linux-gnu"
      case $2 in *redis-tools.deb) ;; *) exit 0;; esac
      mkdir -p "$3/usr/bin"
      printf '#!/bin/sh\\n%s\\necho $LD_LIBRARY_PATH' '${SERVER}' > "$3/usr/bin/redis-server"
      chmod 755 "$3/usr/bin/redis-server"`
  })
  const [one, two, three] = await Promise.all([find(), find(), find()])
  t.same([one.version, two.version, three.version], ['9.8.7', '9.8.7', '9.8.7'])
  t.match(one.from, /packages/)
  t.equal(log(), 'update\ndownload redis-server redis-tools libssl3 libzstd1\n')
  t.match(await find(), { version: '9.8.7' })
  t.equal(log().split('\n').length, 3, 'and later nothing is downloaded')
})

t.test('a lock is taken over when its owner is gone', async t => {
  const { find, directory, log } = machine(t, {
    'apt-cache': 'echo redis-server; echo redis-tools',
    'apt-get': 'case "$*" in *download*) : > redis-tools.deb; echo download >> $LOG;; esac',
    'dpkg-deb': `
      mkdir -p "$3/usr/bin"
      printf '#!/bin/sh\\n%s\\n' '${SERVER}' > "$3/usr/bin/redis-server"
      chmod 755 "$3/usr/bin/redis-server"`
  })
  mkdirSync(join(directory, 'cache.lock'))
  writeFileSync(join(directory, 'cache.lock/owner'), '999999999') // no process has this number
  t.match(await find(), { version: '9.8.7' })
  t.equal(log(), 'download\n')
  t.notOk(existsSync(join(directory, 'cache.lock')))
})

t.test(
  'a container is taken when there are no packages, and signals reach the server in it',
  async t => {
    const { find, directory, log } = machine(t, {
      docker: `
      echo "$*" >> $LOG
      case "$*" in
        *--version) ${SERVER} ;;
        run*) echo $$ > "$LOG.$4.pid"; exec sleep 1000 ;;
        kill*) kill -s "\${2#--signal=SIG}" "$(cat "$LOG.$3.pid")" ;;
      esac`
    })
    const program = await find()
    t.match(program, { version: '9.8.7', from: /^the image redis:/ })
    const running = program.start(['redis.conf'], directory)
    await until('the container runs', () => /run --rm --name (\S+)[^\n]* redis.conf/.test(log()))
    t.match(log(), `-v ${directory}:${directory} -w ${directory}`)
    const name = /--name (\S+)/.exec(log())?.[1]
    await until('its number', () => existsSync(join(directory, `log.${name}.pid`)))
    running.signal('SIGSTOP')
    running.signal('SIGCONT')
    const closed = once(running.child, 'close')
    running.signal('SIGKILL')
    t.same(await closed, [null, 'SIGKILL'])
    t.match(log(), new RegExp(`kill --signal=SIGSTOP ${name}\nkill --signal=SIGCONT ${name}\n`))
  }
)

t.test('all reasons and the way to get one are told when there is no server', async t => {
  const bare = machine(t, {})
  await t.rejects(
    bare.find(),
    /none: redis-server is not on the PATH; apt-get is not here; docker is not here\. Install it .* set REDIS_SERVER/
  )
  const offline = machine(t, {
    'apt-cache': 'echo redis-server',
    'apt-get': 'echo "E: Could not resolve the archive" >&2; exit 100',
    'dpkg-deb': 'exit 1',
    docker: 'echo "Cannot connect to the daemon" >&2; exit 1'
  })
  await t.rejects(
    offline.find(),
    /Could not resolve the archive[\s\S]*Cannot connect to the daemon/
  )
  t.notOk(existsSync(join(offline.directory, 'cache')), 'nothing half-made stays')
  t.notOk(existsSync(join(offline.directory, 'cache.lock')))
})
