/**
 * Arguments that a server wants to see in the headers of a call too, since 2026-07-28 over HTTP (`x-mcp-header` in a
 * tool's schema). A tool that marks them against the rules must not be used. Pure.
 */
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Predicate from "effect/Predicate"

/** An argument and the header in which it is repeated. */
export interface HeaderParameter {
  readonly path: ReadonlyArray<string>
  readonly header: string
  readonly type: string
}

/** Those of a tool, or why it cannot be used. */
export const declared = (inputSchema: unknown): Either.Either<ReadonlyArray<HeaderParameter>, string> =>
  Either.gen(function* () {
    const found = yield* within(inputSchema, [], true)
    const names = found.map(({ header }) => header.toLowerCase())
    const twice = names.find((name, index) => names.indexOf(name) !== index)
    return twice === undefined ? found : yield* Either.left(`the header "${twice}" stands for two arguments`)
  })

/** What is null or absent has no header. */
export const headers = (
  parameters: ReadonlyArray<HeaderParameter>,
  args: Readonly<Record<string, unknown>>
): Readonly<Record<string, string>> =>
  Object.fromEntries(
    parameters.flatMap(({ header, path, type }) => {
      const value = path.reduce<unknown>((at, key) => (Predicate.isReadonlyRecord(at) ? at[key] : undefined), args)
      const text = textOf(value, type)
      return text === undefined ? [] : [[`Mcp-Param-${header}`, encoded(text)]]
    })
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const mark = "x-mcp-header"

/** A `token` of RFC 9110. */
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

const types: ReadonlyArray<unknown> = ["string", "integer", "boolean"]

type Found = Either.Either<ReadonlyArray<HeaderParameter>, string>

/** `plain`: only names of properties lead to the place; anywhere else nothing may be marked. */
const within = (schema: unknown, path: ReadonlyArray<string>, plain: boolean): Found => {
  if (Array.isArray(schema)) return all(schema.map((each) => within(each, path, false)))
  if (!Predicate.isReadonlyRecord(schema)) return Either.right([])
  const own: Found = mark in schema ? marked(schema, path, plain) : Either.right([])
  return all([
    own,
    ...Object.entries(schema).flatMap(([key, value]) => {
      if (data.has(key)) return []
      if (key !== "properties" || !Predicate.isReadonlyRecord(value)) return [within(value, [...path, key], false)]
      return Object.entries(value).map(([name, each]) => within(each, [...path, name], plain))
    })
  ])
}

/** Keywords whose values are no schemas. */
const data = new Set([mark, "const", "enum", "default", "examples"])

const all = (found: ReadonlyArray<Found>): Found => Either.map(Either.all(found), (each) => each.flat())

const marked = (
  schema: { readonly [key: PropertyKey]: unknown },
  path: ReadonlyArray<string>,
  plain: boolean
): Found => {
  const { type, [mark]: header } = schema
  const where = path.join(".")
  if (!plain || path.length === 0) return Either.left(`${mark} is at "${where}", which is not one argument`)
  if (typeof header !== "string" || !token.test(header)) return Either.left(`"${where}" names no possible header`)
  if (typeof type !== "string" || !types.includes(type)) {
    return Either.left(`"${where}" is of a type that has no place in a header`)
  }
  return Either.right([{ path, header, type }])
}

const textOf = (value: unknown, type: string): string | undefined => {
  if (type === "boolean") return typeof value === "boolean" ? String(value) : undefined
  if (type === "integer") return typeof value === "number" && Number.isSafeInteger(value) ? String(value) : undefined
  return typeof value === "string" ? value : undefined
}

/** A value that a header would not carry as it is, or that looks like an encoded one, is in base64. */
const encoded = (text: string) =>
  /^[\x20-\x7e]+$/.test(text) && text === text.trim() && !/^=\?base64\?.*\?=$/.test(text)
    ? text
    : `=?base64?${Encoding.encodeBase64(text)}?=`
