/**
 * JSON in which equal values have equal texts, whatever the order of their keys.
 */
import * as Predicate from "effect/Predicate"
import { ExactNumber, stringify } from "../json/ExactJson.ts"

/**
 * "" for a value that JSON cannot express. `space` as in `JSON.stringify`.
 *
 * @internal
 */
export const canonicalJson = (value: unknown, space?: number): string => stringify(sorted(value), space)

const sorted = (value: unknown): unknown => {
  if (value instanceof ExactNumber) return value
  if (Array.isArray(value)) return value.map(sorted)
  if (!Predicate.isRecord(value) || (Predicate.hasProperty(value, "toJSON") && Predicate.isFunction(value.toJSON))) {
    return value
  }
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
      .map(([key, item]) => [key, sorted(item)])
  )
}
