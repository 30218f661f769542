type Env = Readonly<Record<string, string | undefined>>

/** How the value of a key is read that the configuration says where to find. */
export interface Readers {
  readonly env: Env
  file(path: string): string | undefined
  /** Absent where a key takes no credential of systemd's. */
  systemd?(name: string): string | undefined
}

/**
 * Reads what lies where the configuration says, without the line break at its end.
 *
 * @param place - `file:PATH`, `env:NAME`, or `systemd:NAME`
 * @returns `undefined` if nothing is there.
 */
export function readNamedValue(place: string, { env, file, systemd }: Readers): string | undefined {
  const name = place.slice(place.indexOf(':') + 1)
  const isOfSystemd = systemd !== undefined && place.startsWith('systemd:')
  const text = place.startsWith('file:') ? file(name) : isOfSystemd ? systemd(name) : env[name]
  return text?.replace(/\r?\n$/, '')
}
