/**
 * JSON in which equal values are equal texts, whatever the order of their keys.
 */
import * as Predicate from "effect/Predicate"

/**
 * "" for what JSON has no word for. `space` as in `JSON.stringify`.
 *
 * @internal
 */
export const canonicalJson = (value: unknown, space?: number): string => JSON.stringify(value, sorted, space) ?? ""

const sorted = (_: string, item: unknown) =>
  Predicate.isRecord(item)
    ? Object.fromEntries(Object.entries(item).toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
    : item
