/**
 * A schema from outside without the keywords that cannot be used, so that one unusable keyword does not disable all
 * others.
 */
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import { approximate } from "../../json/ExactJson.ts"
import * as ForeignPattern from "../../names/ForeignPattern.ts"

type JsonSchema = Readonly<Record<string, unknown>>

/**
 * Leaves out expressions that RE2 does not support, references that lead nowhere or outside, and invalid types and bounds,
 * and names them in `leftOut`. `exclusiveMinimum: true` of draft 04 becomes the bound that it means.
 */
export const usable = (
  schema: JsonSchema
): { readonly schema: JsonSchema; readonly leftOut: ReadonlyArray<string> } => {
  const root = approximate(schema)
  if (!Predicate.isRecord(root)) return { schema: {}, leftOut: [] }
  const { $schema: _, ...rest } = root
  const ids = new Set<unknown>()
  collectIds(rest, ids)
  const leftOut = new Set<string>()
  const cleaned = clean(rest, { root: rest, ids, leftOut })
  return { schema: Predicate.isRecord(cleaned) ? cleaned : {}, leftOut: [...leftOut] }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Whole {
  readonly root: JsonSchema
  readonly ids: ReadonlySet<unknown>
  readonly leftOut: Set<string>
}

const ofSchema = new Set(["items", "additionalProperties", "additionalItems", "contains", "not", "if", "then", "else"])
  .add("propertyNames")
  .add("unevaluatedProperties")
  .add("unevaluatedItems")
const ofList = new Set(["anyOf", "oneOf", "allOf", "prefixItems", "items"])
const ofMap = new Set(["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"])
const ofBound = new Set(["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"])
const ofCount = new Set(["minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"])
/** `$async` would make the check asynchronous; `id` checks nothing, and ajv rejects it. */
const neverUsed = new Set(["discriminator", "$async", "id"])
const types = new Set<unknown>(["string", "number", "integer", "boolean", "object", "array", "null"])

const clean = (value: unknown, whole: Whole): unknown => {
  if (!Predicate.isRecord(value)) return typeof value === "boolean" ? value : {}
  const { blind, schema } = withoutBlindNames(draft04(value))
  if (blind) whole.leftOut.add("patternProperties")
  const kept = Object.entries(schema).flatMap(([key, item]): ReadonlyArray<readonly [string, unknown]> => {
    if (blind && (key === "additionalProperties" || key === "unevaluatedProperties")) return []
    if (ofList.has(key) && Array.isArray(item)) {
      return item.length === 0 ? [] : [[key, item.map((each) => clean(each, whole))]]
    }
    if (ofSchema.has(key))
      return Predicate.isRecord(item) || typeof item === "boolean" ? [[key, clean(item, whole)]] : []
    if (ofMap.has(key)) {
      return Predicate.isRecord(item)
        ? [[key, Object.fromEntries(Object.entries(item).map(([name, each]) => [name, clean(each, whole)]))]]
        : []
    }
    if (!(ofList.has(key) || neverUsed.has(key)) && isUsable(key, item, schema, whole)) return [[key, item]]
    if (key !== "nullable" && !neverUsed.has(key)) whole.leftOut.add(named(key, item))
    return []
  })
  return Object.fromEntries(kept)
}

const named = (key: string, item: unknown) => {
  const text = typeof item === "string" ? item : (JSON.stringify(item) ?? "")
  return `${key} ${text.length > 60 ? `${text.slice(0, 59)}…` : text}`
}

const isUsable = (key: string, item: unknown, schema: JsonSchema, whole: Whole): boolean => {
  if (ofBound.has(key)) return typeof item === "number" && Number.isFinite(item) && (key !== "multipleOf" || item > 0)
  if (ofCount.has(key)) return typeof item === "number" && Number.isInteger(item) && item >= 0
  switch (key) {
    case "pattern":
      return typeof item === "string" && Either.isRight(ForeignPattern.make(item))
    case "$ref":
      return typeof item === "string" && leads(item, whole)
    case "$dynamicRef":
    case "$recursiveRef":
      return item === "#"
    case "type":
      return Array.isArray(item) ? item.length > 0 && item.every((type) => types.has(type)) : types.has(item)
    case "required":
      return Array.isArray(item) && item.every(Predicate.isString)
    case "enum":
      return Array.isArray(item) && item.length > 0
    case "nullable":
      return typeof item === "boolean" && types.has(schema["type"])
    case "format":
      return typeof item === "string"
    case "$anchor":
    case "$dynamicAnchor":
      return typeof item === "string" && /^[A-Za-z_][-\w.]*$/.test(item)
    case "dependencies":
    case "dependentRequired":
      return Predicate.isRecord(item)
    case "uniqueItems":
      return typeof item === "boolean"
    default:
      return true
  }
}

/** Names that an unusable expression would have allowed cannot be recognised, so other names are allowed too. */
const withoutBlindNames = (schema: JsonSchema): { readonly schema: JsonSchema; readonly blind: boolean } => {
  const { patternProperties } = schema
  if (!Predicate.isRecord(patternProperties)) return { schema, blind: false }
  const entries = Object.entries(patternProperties)
  const known = entries.filter(([pattern]) => Either.isRight(ForeignPattern.make(pattern)))
  return known.length === entries.length
    ? { schema, blind: false }
    : { schema: { ...schema, patternProperties: Object.fromEntries(known) }, blind: true }
}

const draft04 = (schema: JsonSchema): JsonSchema => {
  const { exclusiveMaximum, exclusiveMinimum, maximum, minimum, ...rest } = schema
  return {
    ...rest,
    ...(exclusiveMinimum === true ? { exclusiveMinimum: minimum } : present({ exclusiveMinimum, minimum })),
    ...(exclusiveMaximum === true ? { exclusiveMaximum: maximum } : present({ exclusiveMaximum, maximum }))
  }
}

const present = (fields: JsonSchema): JsonSchema =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))

const leads = (ref: string, { ids, root }: Whole): boolean => {
  if (ref === "#") return true
  if (!ref.startsWith("#/")) return ids.has(ref) || ids.has(ref.replace(/^#/, ""))
  const parts = ref.slice(2).split("/")
  return parts.reduce<unknown>((value, part) => Reflect.get(Object(value), plain(part)), root) !== undefined
}

const plain = (part: string) => {
  const text = part.replaceAll("~1", "/").replaceAll("~0", "~")
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const collectIds = (value: unknown, ids: Set<unknown>): void => {
  if (Array.isArray(value)) for (const item of value) collectIds(item, ids)
  if (!Predicate.isRecord(value)) return
  for (const key of ["$id", "$anchor"]) if (typeof value[key] === "string") ids.add(value[key])
  for (const item of Object.values(value)) collectIds(item, ids)
}
