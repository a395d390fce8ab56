/**
 * Formats sizes, times and foreign texts for a person.
 */

import { stringify } from "@lms-bridge/core/Json"

/** `12 ms`, `3.4 s`, `10 min`, `2.5 h`. */
export const duration = (millis: number): string => {
  if (millis < 1000) return `${Math.round(millis)} ms`
  if (millis < 120_000) return `${trimmed(millis / 1000)} s`
  return millis < 7_200_000 ? `${trimmed(millis / 60_000)} min` : `${trimmed(millis / 3_600_000)} h`
}

/** Bytes in binary units: `312 B`, `4.1 KiB`, `2.5 GiB`. */
export { sizeOf as bytes } from "@lms-bridge/core/Resilience"

export const count = (number: number, singular: string, plural = `${singular}s`): string =>
  `${number} ${number === 1 ? singular : plural}`

/**
 * Untrusted text on one line: control characters, which a terminal would obey, become spaces. Longer texts are cut
 * and marked.
 */
export const oneLine = (text: string, limit = Number.POSITIVE_INFINITY): string => {
  const line = text.replaceAll(controls, " ").replaceAll(/ {2,}/g, " ").trim()
  const characters = Array.from(line)
  return characters.length > limit ? `${characters.slice(0, Math.max(0, limit - 1)).join("")}…` : line
}

/** Text of several lines without control characters; line ends and tabs stay. */
export const harmless = (text: string): string => text.replaceAll(controlsButLines, "")

/** Text without the colours and weights of a terminal. */
export const withoutStyle = (text: string): string => text.replaceAll(/\u001b\[[0-9;]*m/g, "")

/** Arguments of a call as one line of JSON. */
export const json = (value: unknown, limit: number): string => oneLine(stringify(value), limit)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const trimmed = (value: number) => (value < 10 ? String(Number(value.toFixed(1))) : String(Math.round(value)))

// C0 and C1 controls, line and paragraph separators, and the marks that reverse the direction of writing
const controls = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g
const controlsButLines = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g
