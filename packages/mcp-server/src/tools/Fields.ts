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

/** The same for an optional argument. */
export const option = <A, I>(schema: Schema.Schema<A, I>, description: string) =>
  optional(schema).annotations({ description })

/** Described to clients by its type alone, because a model reads the whole list of tools at every start. */
export const brief = (type: "array" | "object" | "string") => ({ jsonSchema: { type } })

/** Described once, in the server's instructions. */
export const model = optional(Schema.String)

export const modelName = argument(Schema.NonEmptyString, "As list_models shows it")

/** The predecessor's `int or "auto"`, which means no limit. */
export const anyTokens = Schema.Union(
  Schema.Int.pipe(Schema.greaterThanOrEqualTo(1)),
  Schema.Literal("auto")
).annotations({ jsonSchema: { anyOf: [{ type: "integer" }, { const: "auto" }] } })

export const maxTokens = (description: string) => option(anyTokens, description)

export const seconds = (millis: number): string =>
  millis < 10_000 ? `${(millis / 1000).toFixed(1)} s` : `${Math.round(millis / 1000)} s`

/** `10m`, `1h 30m`. */
export const span = (millis: number): string => Duration.format(Duration.millis(Math.round(millis / 1000) * 1000))

export const gigabytes = (bytes: number): number => Math.round((bytes / 2 ** 30) * 100) / 100
