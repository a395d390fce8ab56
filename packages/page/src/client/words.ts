/** Numbers and times in words. Pure. */

export const span = (millis: number): string => {
  const seconds = Math.max(0, millis) / 1000
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  if (seconds < 60) return `${Math.round(seconds)} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return both(minutes, "min", Math.floor(seconds % 60), "s")
  const hours = Math.floor(minutes / 60)
  return hours < 48 ? both(hours, "h", minutes % 60, "min") : `${Math.floor(hours / 24)} days`
}

const both = (many: number, of: string, rest: number, parts: string) =>
  rest === 0 ? `${many} ${of}` : `${many} ${of} ${rest} ${parts}`

/** In whole seconds, for what runs down. */
export const countdown = (millis: number): string => {
  const seconds = Math.max(0, Math.round(millis / 1000))
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`
}

export const ago = (at: number, now: number): string => (now - at < 5000 ? "now" : `${span(now - at)} ago`)

export const bytes = (count: number): string =>
  count >= 1e9
    ? `${(count / 1e9).toFixed(1)} GB`
    : count >= 1e6
      ? `${(count / 1e6).toFixed(1)} MB`
      : count >= 1000
        ? `${Math.round(count / 1000)} kB`
        : `${count} B`

/** 12345 as `12 345`. */
export const number = (value: number): string => String(Math.round(value)).replaceAll(/\B(?=(\d{3})+$)/g, "\u202f")

export const count = (n: number, what: string, many = `${what}s`): string => `${number(n)} ${n === 1 ? what : many}`

/** Time of day, with the date if it is another day. */
export const when = (at: number, now: number): string => {
  const time = new Date(at)
  const clock = time.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" })
  return time.toDateString() === new Date(now).toDateString()
    ? clock
    : `${time.toLocaleDateString(undefined, { day: "numeric", month: "short" })} ${clock}`
}

/** A value as a person reads it. */
export const shown = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value, null, 2))

/** A clause as a sentence. */
export const sentence = (clause: string): string =>
  `${clause.charAt(0).toUpperCase()}${clause.slice(1)}`.replace(/[.!?]?$/, ".")
