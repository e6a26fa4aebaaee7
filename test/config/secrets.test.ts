import { createHash } from 'node:crypto'
import { chmodSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import {
  CONFIG_FIXTURES,
  configOf,
  configWarningsOf,
  problemsOf,
  smallConfig
} from '../helpers/config-file.ts'

const at = (name: string) => fileURLToPath(new URL(name, CONFIG_FIXTURES))
const TOKEN = 'a-token-for-this-test-alone'

test('keeps digests of tokens and never a token when they come from environment, file or digest', async t => {
  const file = `${t.testdir({})}/token`
  writeFileSync(file, `${TOKEN}-in-a-file\n`, { mode: 0o600 })
  const digest = createHash('sha256').update('third').digest('hex')
  const config = await configOf(
    t,
    smallConfig(
      '',
      `admin: { tokens: [{ id: a, role: operator, env: TOKEN_A }, { id: b, role: breaker, file: ${file} }, { id: c, role: viewer, sha256: ${digest.toUpperCase()} }] }`
    ),
    { TOKEN_A: TOKEN }
  )
  t.same(config.admin.tokens, [
    { id: 'a', role: 'operator', sha256: createHash('sha256').update(TOKEN).digest('hex') },
    {
      id: 'b',
      role: 'breaker',
      sha256: createHash('sha256').update(`${TOKEN}-in-a-file`).digest('hex')
    },
    { id: 'c', role: 'viewer', sha256: digest }
  ])
  t.notOk(JSON.stringify(config).includes(TOKEN))
})

test('never shows a secret when one stands where it should not', async t => {
  const secret = 'hunter2hunter2hunter2'
  for (const top of [
    `admin: { tokens: [{ id: a, role: admin, sha256: ${secret} }] }`,
    `admin: { tokens: [{ id: a, role: admin, token: ${secret} }] }`,
    `events: { unitKey: ${secret} }`,
    `listen: { address: "127.0.0.1:1", tls: { cert: ${secret}, key: "${secret}" } }`
  ]) {
    const problems = await problemsOf(t, smallConfig('', top))
    t.ok(problems.length > 0, top)
    t.notOk(problems.join('\n').includes(secret), top)
  }
  const upstream = smallConfig().replace('http://', `http://user:${secret}@`)
  const problems = await problemsOf(t, upstream)
  t.match(problems, [/must not hold a user or password/])
  t.notOk(problems.join('\n').includes(secret))
})

test('says which secret is missing or unusable when it cannot be read', async t => {
  const tokens = (...list: string[]) => smallConfig('', `admin: { tokens: [${list.join(', ')}] }`)
  const dir = t.testdir({
    empty: '\n',
    spaces: 'a token with spaces',
    big: 'x'.repeat(1024 * 1024 + 1)
  })
  const of = (list: string, env = {}) => problemsOf(t, tokens(list), env)
  t.match(await of('{ id: a, role: admin, env: NONE }'), [
    /admin\.tokens\[0\]\.env: the environment variable NONE is not set/
  ])
  t.match(await of('{ id: a, role: admin, env: NONE }', { NONE: '' }), [/holds nothing/])
  t.match(await of(`{ id: a, role: admin, file: ${dir}/none }`), [
    /cannot be read \(there is no such file\)/
  ])
  t.match(await of(`{ id: a, role: admin, file: ${dir} }`), [/it is a directory/])
  t.match(await of(`{ id: a, role: admin, file: ${dir}/empty }`), [/holds nothing/])
  t.match(await of(`{ id: a, role: admin, file: ${dir}/spaces }`), [
    /no Authorization field can carry/
  ])
  t.match(await of(`{ id: a, role: admin, file: ${dir}/big }`), [/larger than 1 MiB/])
  t.match(await of('{ id: a, role: admin }'), [
    /exactly one of env, file, sha256 is needed; none is there/
  ])
  t.match(await of(`{ id: a, role: admin, env: A, sha256: ${'a'.repeat(64)} }`, { A: TOKEN }), [
    /env and sha256 are there/
  ])
  t.match(
    await of('{ id: a, role: admin, env: A }, { id: b, role: viewer, env: A }', { A: TOKEN }),
    [/is the same token as admin\.tokens\[0\]/]
  )
})

test('reads certificate and key when they belong together', async t => {
  const config = await configOf(
    t,
    smallConfig(
      '',
      `listen: { address: "127.0.0.1:0", tls: { cert: { file: ${at('cert.pem')} }, key: { env: KEY } } }`
    ),
    { KEY: '-----BEGIN' }
  ).catch((error: Error) => error.message)
  t.match(config, /listen\.tls\.key: holds no private key in PEM/)
  const good = await configOf(
    t,
    smallConfig(
      '',
      `listen: { address: "127.0.0.1:0", tls: { cert: { file: ${at('cert.pem')} }, key: { file: ${at('key.pem')} } } }`
    )
  )
  t.match(good.listen.tls, { cert: /BEGIN CERTIFICATE/, key: /PRIVATE KEY/ })
})

test('refuses certificates and keys when they are mixed up', async t => {
  const of = (cert: string, key: string) =>
    problemsOf(
      t,
      smallConfig(
        '',
        `listen: { address: "127.0.0.1:0", tls: { cert: { file: ${at(cert)} }, key: { file: ${at(key)} } } }`
      )
    )
  t.match(await of('cert.pem', 'other-key.pem'), [
    /listen\.tls\.key: does not belong to the certificate in cert/
  ])
  t.match(await of('key.pem', 'key.pem'), [/listen\.tls\.cert: holds no certificate in PEM/])
  t.match(await of('cert.pem', 'cert.pem'), [/listen\.tls\.key: holds no private key in PEM/])
})

test('reads the files of a variant when it speaks TLS with a client certificate', async t => {
  const tls = `tls: { ca: { file: ${at('cert.pem')} }, cert: { file: ${at('cert.pem')} }, key: { file: ${at('key.pem')} }, serverName: a.test }`
  const of = (url: string, settings: string) =>
    `routes: { a: { variants: { v: { upstreams: ["${url}"], ${settings} } } } }`
  const config = await configOf(t, of('https://a', tls))
  t.match(config.routes[0]?.variants[0]?.tls, {
    ca: /BEGIN CERTIFICATE/,
    cert: /BEGIN CERTIFICATE/,
    key: /PRIVATE KEY/,
    verify: true,
    serverName: 'a.test'
  })
  t.match(await configWarningsOf(t, of('http://a', tls)), [
    /tls: has no effect: no upstream of the variant is https/
  ])
  t.match(await problemsOf(t, of('https://a', `tls: { cert: { file: ${at('cert.pem')} } }`)), [
    /cert and key belong together/
  ])
})

test('reads what the store asks for when its passwords and certificates are in files', async t => {
  const dir = t.testdir({ pw: 'p w\r\n', empty: '\n' })
  chmodSync(`${dir}/pw`, 0o600)
  const of = (redis: string) => smallConfig('', `state: { driver: redis, redis: ${redis} }`)
  const tls = `tls: { ca: { file: ${at('cert.pem')} }, cert: { file: ${at('cert.pem')} }, key: { file: ${at('key.pem')} } }`
  const text = of(`{ url: "rediss://a", password: { file: ${dir}/pw }, ${tls} }`)
  t.match((await configOf(t, text)).state.redis, {
    password: 'p w',
    tls: {
      ca: /BEGIN CERTIFICATE/,
      cert: /BEGIN CERTIFICATE/,
      key: /PRIVATE KEY/,
      serverName: null
    }
  })
  t.match(await problemsOf(t, text.replace('key.pem', 'other-key.pem')), [
    /state\.redis\.tls\.key: does not belong to the certificate in cert/
  ])
  t.match(await problemsOf(t, of(`{ password: { file: ${dir}/empty } }`)), [
    /state\.redis\.password\.file: holds nothing/
  ])
  t.match(await problemsOf(t, of(`{ sentinel: { master: m, password: { file: ${dir}/none } } }`)), [
    /state\.redis\.sentinel\.password\.file: .* cannot be read/
  ])
  chmodSync(`${dir}/pw`, 0o644)
  t.match(
    (await configWarningsOf(t, of(`{ password: { file: ${dir}/pw } }`))).filter(w =>
      /pass/.test(w)
    ),
    [/state\.redis\.password\.file: every user of this machine can read/]
  )
})

test('warns of secrets that others could know, and of certificates that have ended', async t => {
  const dir = t.testdir({ open: TOKEN, short: 'short' })
  chmodSync(`${dir}/open`, 0o644)
  chmodSync(`${dir}/short`, 0o600)
  const warnings = await configWarningsOf(
    t,
    smallConfig(
      '',
      `admin: { tokens: [{ id: a, role: admin, file: ${dir}/open }, { id: b, role: viewer, file: ${dir}/short }] }
events: { unitKey: { env: KEY } }
listen: { address: "127.0.0.1:0", tls: { cert: { file: ${at('ended.pem')} }, key: { env: PEM } } }`
    ),
    { KEY: 'short', PEM: await pem() }
  )
  t.match(
    warnings.filter(line => /^sluice\.yaml:[123]:/.test(line)),
    [
      /admin\.tokens\[0\]\.file: every user of this machine can read/,
      /admin\.tokens\[1\]: the token is shorter than 16 characters/,
      /events\.unitKey: is shorter than 16 bytes/,
      /listen\.tls\.cert: the certificate ended on Feb {2}1/
    ]
  )
})

async function pem(): Promise<string> {
  const { readFile } = await import('node:fs/promises')
  return readFile(at('key.pem'), 'utf8')
}
