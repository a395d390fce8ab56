/**
 * Tolerant decoding: servers of different makes and versions omit fields, write `null` or `false` for them, or add others.
 */
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"

/** A field that may be absent, null or of another type; all three decode to undefined. For data we can do without. */
export const open = <A, I>(schema: Schema.Schema<A, I>) =>
  Schema.optional(
    Schema.UndefinedOr(schema).annotations({
      // `top_p: false` and the like (contract H33)
      decodingFallback: () => Either.right(undefined)
    })
  )

/** An array without the elements that do not decode; anything else decodes to the empty array. */
export const openArray = <A, I>(schema: Schema.Schema<A, I>) => {
  const fits = Schema.decodeUnknownOption(schema)
  return Schema.optionalWith(
    Schema.transform(Schema.Unknown, Schema.Array(Schema.typeSchema(schema)), {
      strict: true,
      decode: (value) =>
        Array.isArray(value)
          ? value.flatMap((element: unknown) => {
              const decoded = fits(element)
              return decoded._tag === "Some" ? [decoded.value] : []
            })
          : [],
      encode: (elements) => elements
    }),
    { default: () => [] }
  )
}

/**
 * A list from outside. Entries that do not decode are left out, since one odd entry does not spoil the others. When not a
 * single entry decodes, it is not the expected list.
 */
export const listOf = <A, I>(schema: Schema.Schema<A, I>) => {
  const fits = Schema.decodeUnknownOption(schema)
  return Schema.transformOrFail(Schema.Array(Schema.Unknown), Schema.Array(Schema.typeSchema(schema)), {
    strict: true,
    decode: (listed, _, ast) => {
      const decoded = listed.flatMap((element) => Option.toArray(fits(element)))
      return decoded.length > 0 || listed.length === 0
        ? ParseResult.succeed(decoded)
        : ParseResult.fail(new ParseResult.Type(ast, listed, "No entry of the list has the expected form"))
    },
    encode: (elements) => ParseResult.succeed(elements)
  })
}

/** A token count; servers also write -1, fractions and null. */
export const Count = open(Schema.NonNegativeInt)

/** Bytes, seconds or milliseconds; a number that JSON cannot encode (`1e400`) is undefined. */
export const Amount = open(Schema.Finite.pipe(Schema.nonNegative()))

/** The fields of a record that are not undefined, for exact optional properties. */
export const present = <A extends Record<string, unknown>>(
  fields: A
): { [K in keyof A as undefined extends A[K] ? never : K]: A[K] } & {
  [K in keyof A as undefined extends A[K] ? K : never]?: Exclude<A[K], undefined>
} =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as ReturnType<typeof present<A>> // `fromEntries` forgets which keys there were

/** A field that may be absent, but not present as undefined. */
export const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })
