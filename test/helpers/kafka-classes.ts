/**
 * An archive of the classes that a broker loads, made once: with it a broker starts in half the time, which is
 * mostly what a test of one takes on a small machine. Without it everything works as well.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { filledOnce } from '../../demo/filled-once.ts'
import { writeConfig } from './kafka-config.ts'
import { createKafkaProcess, formatStorage } from './kafka-process.ts'
import type { KafkaProgram } from './kafka-program.ts'
import { freePort } from './ports.ts'
import { temporaryDirectory } from './sluice.ts'

const NAME = 'broker.jsa'

/** Options of Java that use the archive, which is made now when it is not there yet. */
export async function classArchive(program: KafkaProgram): Promise<readonly string[]> {
  const { archive } = program
  if (archive === null) return []
  await filledOnce(archive, work => fill(program, join(work, NAME)))
  return [`-XX:SharedArchiveFile=${join(archive, NAME)}`]
}

/** Java writes it when a broker ends in order. */
async function fill(program: KafkaProgram, file: string): Promise<void> {
  const directory = temporaryDirectory()
  const ports = { client: await freePort(), inner: await freePort(), controller: await freePort() }
  const config = await writeConfig(directory, ports, {})
  await formatStorage(program, config, directory, [])
  const broker = createKafkaProcess(program, config, directory, [
    `-XX:ArchiveClassesAtExit=${file}`
  ])
  try {
    await broker.begin()
    await broker.end('SIGTERM')
  } finally {
    await broker.end('SIGKILL')
    rmSync(directory, { recursive: true, force: true })
  }
}
