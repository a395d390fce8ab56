/**
 * Turns an Effect schema into the JSON Schema of an MCP tool: a plain object, without references to Effect's schemas.
 */
import * as JSONSchema from "effect/JSONSchema"
import type * as Schema from "effect/Schema"

/** JSON Schema of an object, as in `tools/list`. */
export interface ObjectSchema {
  readonly [keyword: string]: unknown
  readonly type: "object"
  readonly properties: Readonly<Record<string, unknown>>
  readonly required?: ReadonlyArray<string>
}

/** The input schema of a tool. Throws on first use for anything but a struct: MCP requires an object. */
export const fromStruct = (schema: Schema.Schema.All): ObjectSchema => {
  const definitions: Record<string, JSONSchema.JsonSchema7> = {}
  const root = plain(JSONSchema.fromAST(schema.ast, { definitions, topLevelReferenceStrategy: "skip" }))
  if (!isRecord(root)) throw new TypeError("a tool's schema must be a struct")
  // `Struct({})` means "anything but null" to Effect, and is rendered as object or array
  if (Array.isArray(root["anyOf"])) return { type: "object", properties: {} }
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
 * The output schema of a tool: the types of the required fields, or of the given ones. Nothing is required in it,
 * because strict clients, such as the SDK's, also check the `structuredContent` of failures. Undefined without fields.
 */
export const outline = (schema: Schema.Schema.All, fields?: ReadonlyArray<string>): ObjectSchema | undefined => {
  const { properties, required = [] } = fromStruct(schema)
  const listed = fields ?? required
  if (listed.length === 0) return undefined
  return { type: "object", properties: Object.fromEntries(listed.map((key) => [key, kind(properties[key])])) }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** The descriptions of Effect's own filters: `an integer`, `a positive number`. The keywords say the same. */
const saysNothing = /^an? [a-z0-9() -]+$/

/** Left out, because a value beyond them is refused in words. */
const bounds = new Set(["minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"])

/**
 * Only what a client needs. Effect gives `unknown` and `object` an `$id`, and ajv refuses a schema in which one occurs
 * twice; the titles of its filters are source code.
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
            (bounds.has(key) && typeof entry === "number") ||
            // an unknown argument is refused in words, too
            (key === "additionalProperties" && (entry === false || isEmpty(entry))) ||
            (key === "required" && Array.isArray(entry) && entry.length === 0)
          )
      )
      .map(([key, entry]) => [key, plain(entry)])
  )
}

/** A schema that says nothing. */
const isEmpty = (entry: unknown) => isRecord(entry) && Object.keys(plain(entry) as object).length === 0

const kind = (property: unknown): { readonly type?: unknown } =>
  isRecord(property) && "type" in property ? { type: property["type"] } : {}
