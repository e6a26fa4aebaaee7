/** `sluice version`: which Sluice on which Node; asks nobody. */
import { readFileSync } from 'node:fs'
import type { Command } from '../command.ts'
import { EXIT } from '../exit.ts'

export const version: Command = {
  name: 'version',
  summary: 'version of this program and of its Node',
  usage: 'version',
  examples: ['sluice version', 'sluice version --json'],
  help: 'Says nothing about the router that runs: its version is the metric sluice_build_info.',
  options: {},
  common: ['json', 'help'],
  words: [0, 0],
  async run({ json, screen }) {
    const number = versionNumber()
    if (json) screen.json({ version: number, node: process.version })
    else screen.line(`sluice ${number} (Node ${process.version})`)
    return EXIT.ok
  }
}

function versionNumber(): string {
  const file = new URL('../../../package.json', import.meta.url)
  const { version } = JSON.parse(readFileSync(file, 'utf8'))
  return String(version)
}
