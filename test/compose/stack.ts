/**
 * The set-up of docker-compose.yml as data: services with their merged keys, and the files that they are given.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { ROOT } from '../helpers/sluice.ts'

export type Service = {
  readonly image?: string
  readonly build?: { readonly context: string; readonly target: string }
  readonly user?: string
  readonly init?: boolean
  readonly read_only?: boolean
  readonly cap_drop?: readonly string[]
  readonly security_opt?: readonly string[]
  readonly command?: readonly string[]
  readonly entrypoint?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly networks: readonly string[] | Readonly<Record<string, { ipv4_address?: string } | null>>
  readonly secrets?: readonly string[]
  readonly healthcheck?: { readonly test: readonly string[] }
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>
  readonly stop_grace_period?: string
}
export type Stack = {
  readonly services: Readonly<Record<string, Service>>
  readonly volumes: Readonly<Record<string, unknown>>
  readonly secrets: Readonly<Record<string, { readonly file: string }>>
  readonly networks: Readonly<
    Record<
      string,
      { readonly ipam?: { readonly config: readonly { subnet: string; ip_range?: string }[] } }
    >
  >
}

export function read(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8')
}

export const STACK: Stack = parse(read('docker-compose.yml'), { merge: true })

/** The networks of a service by name. */
export function networksOf(service: Service): readonly string[] {
  const { networks } = service
  return Array.isArray(networks) ? networks : Object.keys(networks)
}

/** Names of the services that are built from the image of the router. */
export const ROUTERS: readonly string[] = Object.entries(STACK.services)
  .filter(([, { build }]) => build?.target === 'router')
  .map(([name]) => name)

/** The comment at the top of docker-compose.yml, without its signs. */
export const INTRODUCTION: string = read('docker-compose.yml')
  .split('\n\n', 1)
  .join('')
  .replaceAll(/^# ?/gm, '')

/** A stage of the Dockerfile, from its FROM to the next. */
export function stageOf(target: string): string {
  const stages = read('Dockerfile').split(/^(?=FROM )/m)
  return stages.find(stage => new RegExp(`^FROM .* AS ${target}$`, 'm').test(stage)) ?? ''
}

export function seconds(duration: string | undefined): number {
  const [, count, unit] = /^(\d+)(ms|s|m)$/.exec(duration ?? '') ?? []
  const scale = { ms: 0.001, s: 1, m: 60 }[unit ?? ''] ?? Number.NaN
  return Number(count) * scale
}
