import { getHeapSpaceStatistics } from 'node:v8'
import { holdYoungGeneration } from '../../src/doors/young-generation.ts'

/** Tells how large the young generation is at first, and after much has survived it. */
function tell(): void {
  const space = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')
  const bytes = (space?.space_used_size ?? 0) + (space?.space_available_size ?? 0)
  console.log(Math.round(bytes / 1024 / 1024))
}

if (process.argv[2] === 'held') holdYoungGeneration()
tell()
const alive = Array.from({ length: 2_000_000 }, (_, i) => ({ i }))
tell()
process.exitCode = alive.length === 0 ? 1 : 0
