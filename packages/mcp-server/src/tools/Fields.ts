/**
 * Parameters and words that several tools share.
 */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"

export const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })

/**
 * An argument with what it means. The words belong to the argument and not to its schema: there they would stand in for
 * the type in the message about a wrong value.
 */
export const argument = <A, I>(schema: Schema.Schema<A, I>, description: string) =>
  Schema.propertySignature(schema).annotations({ description })

/** The same for an argument that may be left out. */
export const option = <A, I>(schema: Schema.Schema<A, I>, description: string) =>
  optional(schema).annotations({ description })

/** Described to clients by its kind alone: the whole list of tools is read by a model at every start. */
export const brief = (type: "array" | "object" | "string") => ({ jsonSchema: { type } })

/** What it means is told once, in the server's instructions. */
export const model = optional(Schema.String)

export const modelName = argument(Schema.NonEmptyString, "As list_models shows it")

/** The predecessor's `int or "auto"`: as much as the model may. */
export const anyTokens = Schema.Union(
  Schema.Int.pipe(Schema.greaterThanOrEqualTo(1)),
  Schema.Literal("auto")
).annotations({ jsonSchema: { anyOf: [{ type: "integer" }, { const: "auto" }] } })

export const maxTokens = (description: string) => option(anyTokens, description)

export const seconds = (millis: number): string =>
  millis < 10_000 ? `${(millis / 1000).toFixed(1)} s` : `${Math.round(millis / 1000)} s`

/** `10m`, `1h 30m`, as people say it. */
export const span = (millis: number): string => Duration.format(Duration.millis(Math.round(millis / 1000) * 1000))

export const gigabytes = (bytes: number): number => Math.round((bytes / 2 ** 30) * 100) / 100
