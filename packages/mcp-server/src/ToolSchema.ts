/**
 * An Effect schema as the JSON Schema of an MCP tool: one plain object at the top, no references to Effect's own schemas.
 */
import * as JSONSchema from "effect/JSONSchema"
import type * as Schema from "effect/Schema"

/** JSON Schema of an object, as `tools/list` carries it. */
export interface ObjectSchema {
  readonly [keyword: string]: unknown
  readonly type: "object"
  readonly properties: Readonly<Record<string, unknown>>
  readonly required?: ReadonlyArray<string>
}

/** The input schema of a tool. Fails loudly, at the first use, for anything but a struct: MCP demands an object. */
export const fromStruct = (schema: Schema.Schema.All): ObjectSchema => {
  const definitions: Record<string, JSONSchema.JsonSchema7> = {}
  const root = plain(JSONSchema.fromAST(schema.ast, { definitions, topLevelReferenceStrategy: "skip" }))
  if (!isRecord(root)) throw new TypeError("a tool's schema must be a struct")
  // `Struct({})` means "anything but null" to Effect and is rendered as object or array
  if (Array.isArray(root["anyOf"])) return { type: "object", properties: {}, additionalProperties: false }
  if (root["type"] !== "object" || !isRecord(root["properties"])) {
    throw new TypeError("a tool's schema must be a struct at the top")
  }
  const { $schema: _, properties, required, type: __, ...rest } = root
  return {
    type: "object",
    properties,
    ...(Array.isArray(required) && required.length > 0 ? { required } : {}),
    ...rest,
    ...(Object.keys(definitions).length > 0 ? { $defs: plain(definitions) } : {})
  }
}

/**
 * The output schema of a tool: its result, or `error`. Strict clients check `structuredContent` of failures, too (the
 * SDK's own does), so a failure has to be a value of this schema.
 */
export const resultOrError = (schema: Schema.Schema.All): ObjectSchema => {
  const { additionalProperties: _, properties, required = [], ...rest } = fromStruct(schema)
  return {
    ...rest,
    properties: { ...Object(open(properties)), error: { type: "object" } },
    anyOf: [{ required }, { required: ["error"] }]
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** What Effect's own filters say of themselves: `an integer`, `a positive number`. The keywords say it already. */
const saysNothing = /^an? [a-z0-9 -]+$/

/**
 * Only what a client needs. Effect gives `unknown` and `object` an `$id`, and two of them in one schema make ajv refuse
 * the whole of it; its filters are titled by their source.
 */
const plain = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(plain)
  if (!isRecord(value)) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(
        ([key, entry]) =>
          !(
            (key === "$id" && String(entry).startsWith("/schemas/")) ||
            (key === "title" && typeof entry === "string") ||
            (key === "description" && typeof entry === "string" && saysNothing.test(entry)) ||
            // an empty text is refused in words, and no client needs to know before
            (key === "minLength" && entry === 1) ||
            (key === "required" && Array.isArray(entry) && entry.length === 0)
          )
      )
      .map(([key, entry]) => [key, plain(entry)])
  )
}

/** A result may grow fields without breaking a client that checks it. */
const open = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(open)
  if (!isRecord(value)) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, entry]) => !(key === "additionalProperties" && entry === false))
      .map(([key, entry]) => [key, open(entry)])
  )
}
