/**
 * Unambiguous changes of a value to fit its JSON Schema: "5" becomes a number, "true" a boolean, a single value a list,
 * JSON text an object or a list, a number text, and `null` for an optional parameter is removed. Field names do not
 * matter.
 */
import type { ErrorObject } from "ajv"
import * as Predicate from "effect/Predicate"
import { parseJson } from "../../internal/parseJson.ts"
import { ExactNumber, numberOf, stringify } from "../../json/ExactJson.ts"

/** A change that may fix one error. `key` identifies it, so that it is not tried twice. */
export interface Coercion {
  readonly key: string
  readonly apply: () => unknown
}

/** The changes that the errors suggest, in order. Each yields a new root value. */
export const coercions = (root: unknown, errors: ReadonlyArray<ErrorObject>): ReadonlyArray<Coercion> =>
  errors.flatMap((error) => {
    if (error.keyword !== "type") return []
    const path = error.instancePath.split("/").slice(1).map(unescaped)
    if (path.length === 0) return []
    return [error.params["type"]].flat().flatMap((type): ReadonlyArray<Coercion> => {
      const key = `${error.instancePath} ${String(type)}`
      const value = coerced(valueAt(root, error.instancePath), String(type))
      if (value !== undefined) return [{ key, apply: () => replaced(root, path, value) }]
      return error.data === null ? [{ key: `${error.instancePath} absent`, apply: () => removed(root, path) }] : []
    })
  })

/** The value at a JSON Pointer; undefined when there is none. */
export const valueAt = (root: unknown, pointer: string): unknown =>
  pointer
    .split("/")
    .slice(1)
    .map(unescaped)
    .reduce((value, key) => (Object.hasOwn(Object(value), key) ? Reflect.get(Object(value), key) : undefined), root)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const fromJson = (value: unknown): unknown => (typeof value === "string" ? parseJson(value) : undefined)

const numeral = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/

/** Undefined when there is no conversion, or when it is ambiguous. */
const coerced = (value: unknown, type: string): unknown => {
  switch (type) {
    case "number":
    case "integer": {
      if (typeof value !== "string" || !numeral.test(value.trim())) return undefined
      const number = numberOf(value.trim())
      // kept, so that the error message names it
      return typeof number === "number" || Number.isFinite(Number(number.text)) ? number : undefined
    }
    case "boolean":
      return typeof value === "string" ? booleans.get(value.trim().toLowerCase()) : undefined
    case "string":
      return textOf(value)
    case "object": {
      const parsed = fromJson(value)
      return Predicate.isRecord(parsed) && !(parsed instanceof ExactNumber) ? parsed : undefined
    }
    case "array": {
      const parsed = fromJson(value)
      return Array.isArray(parsed) ? parsed : value === null || value === undefined ? undefined : [value]
    }
    default:
      return undefined
  }
}

/**
 * A value as text. A list with a single string is ambiguous: its JSON or the string may be meant. A fraction may have been
 * written with more zeros, as in a version number, so it is ambiguous too.
 */
const textOf = (value: unknown): string | undefined => {
  if (value instanceof ExactNumber) return /^-?\d+$/.test(value.text) ? value.text : undefined
  if (typeof value === "number") return Number.isSafeInteger(value) ? String(value) : undefined
  if (typeof value === "boolean") return String(value)
  if (Array.isArray(value)) return value.length === 1 && typeof value[0] === "string" ? undefined : stringify(value)
  return Predicate.isRecord(value) ? stringify(value) : undefined
}

const booleans = new Map([
  ["true", true],
  ["false", false]
])

const unescaped = (part: string) => part.replaceAll("~1", "/").replaceAll("~0", "~")

/** The root with `change` applied at a path; everything else is shared. */
const changed = (
  root: unknown,
  path: ReadonlyArray<string>,
  change: (holder: unknown, key: string) => unknown
): unknown => {
  const [key, ...rest] = path
  if (key === undefined) return root
  if (rest.length === 0) return change(root, key)
  return withKey(root, key, changed(Reflect.get(Object(root), key), rest, change))
}

const withKey = (holder: unknown, key: string, value: unknown): unknown =>
  Array.isArray(holder)
    ? holder.map((item, index) => (String(index) === key ? value : item))
    : Object.fromEntries(Object.entries(Object(holder)).map(([name, item]) => [name, name === key ? value : item]))

const replaced = (root: unknown, path: ReadonlyArray<string>, value: unknown): unknown =>
  changed(root, path, (holder, key) => withKey(holder, key, value))

/** Only a property can be left out; an item of a list cannot. */
const removed = (root: unknown, path: ReadonlyArray<string>): unknown =>
  changed(root, path, (holder, key) =>
    Array.isArray(holder) ? holder : Object.fromEntries(Object.entries(Object(holder)).filter(([name]) => name !== key))
  )
