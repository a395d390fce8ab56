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
 * The output schema of a tool: the types of the fields that are always there, or of those that are named. Nothing is
 * required, because strict clients check `structuredContent` of failures, too (the SDK's own does). Undefined when no
 * field is left.
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

/** What Effect's own filters say of themselves: `an integer`, `a positive number`. The keywords say it already. */
const saysNothing = /^an? [a-z0-9() -]+$/

/** A value beyond them is refused in words, and no client needs to know before. */
const bounds = new Set(["minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"])

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
            (bounds.has(key) && typeof entry === "number") ||
            // an argument that is not known is refused in words, too
            (key === "additionalProperties" && (entry === false || isEmpty(entry))) ||
            (key === "required" && Array.isArray(entry) && entry.length === 0)
          )
      )
      .map(([key, entry]) => [key, plain(entry)])
  )
}

/** It says what is so anyway. */
const isEmpty = (entry: unknown) => isRecord(entry) && Object.keys(plain(entry) as object).length === 0

const kind = (property: unknown): { readonly type?: unknown } =>
  isRecord(property) && "type" in property ? { type: property["type"] } : {}
