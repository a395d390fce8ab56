/**
 * Parameters and words that several tools share.
 */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"

export const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })

/** Described to clients by its kind alone: the whole list of tools is read by a model at every start. */
export const brief = (type: "array" | "object" | "string") => ({ jsonSchema: { type } })

export const model = optional(
  Schema.String.annotations({ description: "Model key; default: the configured, else a loaded one" })
)

export const modelName = Schema.NonEmptyString.annotations({ description: "Model key, as list_models shows it" })

/** The predecessor's `int or "auto"`. */
export const maxTokens = (description: string) =>
  optional(Schema.Union(Schema.Int.pipe(Schema.positive()), Schema.Literal("auto")).annotations({ description }))

export const seconds = (millis: number): string =>
  millis < 10_000 ? `${(millis / 1000).toFixed(1)} s` : `${Math.round(millis / 1000)} s`

/** `10m`, `1h 30m`, as people say it. */
export const span = (millis: number): string => Duration.format(Duration.millis(Math.round(millis / 1000) * 1000))

export const gigabytes = (bytes: number): number => Math.round((bytes / 2 ** 30) * 100) / 100
