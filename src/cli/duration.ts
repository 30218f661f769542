/** How long ago a time was, as in `3 h 20 min`. */
export function ago(time: string | Date, now: number): string {
  return describe(now - new Date(time).getTime())
}

/** How far off a time is, as in `in 11 h 59 min` or `5 min ago`. */
export function until(time: string | Date, now: number): string {
  const ms = new Date(time).getTime() - now
  return ms < 0 ? `${describe(-ms)} ago` : `in ${describe(ms)}`
}

function describe(ms: number): string {
  const seconds = Math.floor(Math.max(ms, 0) / 1000)
  const minutes = Math.floor(seconds / 60)
  const hours = Math.floor(minutes / 60)
  if (hours >= 48) return `${Math.floor(hours / 24)} d`
  if (hours > 0) return `${hours} h ${minutes % 60} min`
  return minutes > 0 ? `${minutes} min` : `${seconds} s`
}
