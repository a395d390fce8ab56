/** Reports errors and doubtful points in a JSON Schema for an answer. Pure. */
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import * as ToolSchema from "./ToolSchema.ts"

export interface SchemaReview {
  readonly valid: boolean
  /** At most five. */
  readonly errors: ReadonlyArray<string>
  /** What is allowed, but probably not intended or not enforced by LM Studio. */
  readonly warnings: ReadonlyArray<string>
}

export const review = (schema: Readonly<Record<string, unknown>>): SchemaReview => {
  const errors = Either.match(ToolSchema.checked(schema), { onLeft: (problems) => problems, onRight: () => [] })
  return { valid: errors.length === 0, errors, warnings: [...ofTop(schema), ...within(schema, "")] }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const ofTop = (schema: Readonly<Record<string, unknown>>): ReadonlyArray<string> =>
  Object.keys(schema).some((key) => constraining.has(key))
    ? schema["type"] === "object" || schema["type"] === undefined
      ? []
      : [`The top is of type ${JSON.stringify(schema["type"])}; models keep to an object more reliably.`]
    : ["It constrains nothing: any value fits."]

const constraining = new Set(["type", "properties", "enum", "const", "anyOf", "oneOf", "allOf", "$ref", "items"])

const within = (value: unknown, path: string): ReadonlyArray<string> => {
  if (Array.isArray(value)) return value.flatMap((entry, index) => within(entry, `${path}/${index}`))
  if (!Predicate.isRecord(value)) return []
  const where = path === "" ? "the top" : path
  const { $ref, format, properties, required } = value
  const names = Predicate.isRecord(properties) ? Object.keys(properties) : undefined
  return [
    ...(Array.isArray(required) && names !== undefined
      ? required
          .filter((name) => typeof name === "string" && !names.includes(name))
          .map((name) => `At ${where}, "${String(name)}" is required and not among the properties.`)
      : []),
    ...(typeof $ref === "string" && !$ref.startsWith("#") ? [`At ${where}, $ref leads outside: ${$ref}.`] : []),
    ...(typeof format === "string" ? [`At ${where}, format "${format}" is a hint that nobody checks.`] : []),
    ...Object.entries(value).flatMap(([key, entry]) =>
      key === "enum" || key === "const" || key === "default" || key === "examples"
        ? []
        : within(entry, `${path}/${key}`)
    )
  ]
}
