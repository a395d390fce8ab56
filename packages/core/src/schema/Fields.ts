/**
 * Decoding openly: servers of many ages and makes leave fields out, write `null` or `false` for them, or add others.
 */
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"

/** A field that may be absent, null or of another type; all three are undefined. For facts that we can do without. */
export const open = <A, I>(schema: Schema.Schema<A, I>) =>
  Schema.optional(
    Schema.UndefinedOr(schema).annotations({
      // `top_p: false` and the like (contract H33)
      decodingFallback: () => Either.right(undefined)
    })
  )

/** An array from which elements that do not fit are left out; anything else is the empty array. */
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
 * An array of things that others list: those that do not fit are left out, since one odd entry does not make the others
 * unknown. When not a single one fits, it is not that list.
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

/** Bytes, seconds or milliseconds; a number that JSON cannot write again (`1e400`) is none. */
export const Amount = open(Schema.Finite.pipe(Schema.nonNegative()))

/** The fields of a record that are not undefined, for exact optional properties. */
export const present = <A extends Record<string, unknown>>(
  fields: A
): { [K in keyof A as undefined extends A[K] ? never : K]: A[K] } & {
  [K in keyof A as undefined extends A[K] ? K : never]?: Exclude<A[K], undefined>
} =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as ReturnType<typeof present<A>> // `fromEntries` forgets which keys there were

/** A field that may be absent, and is then no key at all. */
export const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })
