import { startAgent } from '../../src/agent/server.ts'
import { silentLog } from '../../src/observe/log.ts'

/** An agent that is there to be killed. */
await startAgent({
  socket: process.argv[2] ?? '',
  uid: process.geteuid?.() ?? 0,
  resolver: { resolve: async () => undefined },
  vault: '/home/me/vault.db',
  log: silentLog,
  status: () => ({}),
})
process.send?.('listening')
