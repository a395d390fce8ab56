/**
 * Parameters and formats that several tools share.
 */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"

export const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })

/**
 * An argument with a description. It is on the argument and not on its schema, where it would replace the type in the
 * message about an invalid value.
 */
export const argument = <A, I>(schema: Schema.Schema<A, I>, description: string) =>
  Schema.propertySignature(schema).annotations({ description })

/** The same for an optional argument, with what counts when it is left out, where that is one value. */
export const option = <A, I>(schema: Schema.Schema<A, I>, description: string, byDefault?: A) =>
  optional(schema).annotations({ description, ...(byDefault === undefined ? {} : { default: byDefault }) })

/** Described to clients by its type alone, because a model reads the whole list of tools at every start. */
export const brief = (type: "array" | "object" | "string") => ({ jsonSchema: { type } })

/** Clients load tools one by one, so each describes it. */
export const model = option(Schema.String, "A key or auto[:fast|best|vision]; default: loaded")

export const modelName = argument(Schema.NonEmptyString, "A key of list_models")

/** The predecessor's `int or "auto"`, which means no limit. */
export const anyTokens = Schema.Union(
  Schema.Int.pipe(Schema.greaterThanOrEqualTo(1)),
  Schema.Literal("auto")
).annotations({ jsonSchema: { anyOf: [{ type: "integer" }, { const: "auto" }] } })

export const maxTokens = (description: string, byDefault?: number) => option(anyTokens, description, byDefault)

export const seconds = (millis: number): string =>
  millis < 10_000 ? `${(millis / 1000).toFixed(1)} s` : `${Math.round(millis / 1000)} s`

/** `10m`, `1h 30m`. */
export const span = (millis: number): string => Duration.format(Duration.millis(Math.round(millis / 1000) * 1000))

export const gigabytes = (bytes: number): number => Math.round((bytes / 2 ** 30) * 100) / 100
