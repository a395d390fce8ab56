/** Parses foreign JSON: never throws, and assumes nothing about the structure. */
import type * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"

export type JsonObject = { readonly [key: string]: unknown }

/** The parsed value, or none when the text is not JSON. */
export const parse: (text: string) => Option.Option<unknown> = Schema.decodeOption(Schema.parseJson(Schema.Unknown))

/** The JSON text of a value. */
export const stringify: (value: unknown) => string = Schema.encodeSync(Schema.parseJson(Schema.Unknown))

export const isObject = (value: unknown): value is JsonObject => Predicate.isRecord(value)

export const stringOf = (value: unknown): string | undefined => (Predicate.isString(value) ? value : undefined)

export const numberOf = (value: unknown): number | undefined =>
  Predicate.isNumber(value) && Number.isFinite(value) ? value : undefined

export const arrayOf = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])

export const objectOf = (value: unknown): JsonObject => (isObject(value) ? value : {})

/** The object without the keys whose value is `undefined`, as JSON would drop them. */
export const compact = <A extends object>(value: A): A =>
  Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined)) as A
