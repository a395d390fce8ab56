/**
 * Schemas of replies of which an engine makes no grammar (contract C2, J): llama.cpp's in LM Studio fails on `oneOf` and on very
 * long texts, MLX's on a list of types.
 */
import * as Json from "../internal/json.ts"

/** What the engine says; undefined when it takes the schema. */
export const refusal = (schema: Json.JsonObject | undefined, format: "gguf" | "mlx"): string | undefined =>
  schema !== undefined && below(schema).some((part) => isUnsupported(part, format))
    ? "failed to parse grammar"
    : undefined

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const longestText = 65_535

const isUnsupported = (schema: Json.JsonObject, format: "gguf" | "mlx"): boolean =>
  format === "gguf"
    ? Array.isArray(schema["oneOf"]) || (Json.numberOf(schema["maxLength"]) ?? 0) > longestText
    : Array.isArray(schema["type"])

/** A schema and all schemas in it. Under `properties` and definitions stand names. */
const below = (schema: Json.JsonObject): ReadonlyArray<Json.JsonObject> => [
  schema,
  ...Object.entries(schema).flatMap(([key, value]) => {
    const parts = named.has(key) ? Object.values(Json.objectOf(value)) : single.has(key) ? [value] : Json.arrayOf(value)
    return parts.filter(Json.isObject).flatMap(below)
  })
]

const named = new Set(["properties", "patternProperties", "$defs", "definitions"])
const single = new Set(["items", "additionalProperties", "not", "contains"])
