/** Durations as people write them, wherever one is read: `90s`, `10m`, `10 min`, `10 minutes`, `1h30m`, `1 hour and 30 minutes`. */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"

/** None where the text is no duration. A number without a unit is none either: what it counts depends on the place. */
export const read = (text: string): Option.Option<Duration.Duration> => {
  const parts = text.trim().toLowerCase()
  if (!whole.test(parts)) return Option.none()
  const millis = [...parts.matchAll(part)].reduce(
    (sum, [, amount = "", unit = ""]) => sum + Number(amount) * sizeOf(unit),
    0
  )
  return Option.some(Duration.millis(millis))
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Milliseconds, by every way to write the unit. */
const sizes: Readonly<Record<string, number>> = {
  "ms|msecs?|millis|milliseconds?": 1,
  "s|secs?|seconds?": 1000,
  "m|mins?|minutes?": 60_000,
  "h|hrs?|hours?": 3_600_000,
  "d|days?": 86_400_000,
  "w|wks?|weeks?": 604_800_000
}

const amount = `(\\d+(?:\\.\\d+)?)\\s*(${Object.keys(sizes).join("|")})(?![a-z])`
const part = new RegExp(amount, "g")
const whole = new RegExp(`^(?:${amount}(?:\\s*(?:,|and\\b)?\\s*(?=\\d)|$))+$`)

const sizeOf = (unit: string) =>
  Object.entries(sizes).find(([names]) => new RegExp(`^(?:${names})$`).test(unit))?.[1] ?? 0
