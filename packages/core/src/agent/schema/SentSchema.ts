/**
 * Parameters of a tool in the form that LM Studio accepts. It refuses a whole request when one tool's `parameters` is not
 * exactly an object schema with an object of `properties` (contract J), while servers list tools in many other forms. The
 * sent schema is only for the model to read; arguments are validated against the schema that the server lists.
 */
import * as Predicate from "effect/Predicate"

/** The form that LM Studio accepts, according to its published check. */
export interface SentSchema {
  readonly type: "object"
  readonly properties: Readonly<Record<string, unknown>>
  readonly required?: ReadonlyArray<string>
  readonly additionalProperties?: boolean
  readonly [key: string]: unknown
}

/** Whether LM Studio accepts this as it is, and an engine finds a schema wherever it expects one. */
export const isAcceptable = (schema: unknown): schema is SentSchema => {
  if (!Predicate.isRecord(schema)) return false
  const { additionalProperties, properties, required, type } = schema
  return (
    type === "object" &&
    Predicate.isRecord(properties) &&
    Object.values(properties).every((property) => Predicate.isRecord(property)) &&
    (required === undefined || (Array.isArray(required) && required.every((name) => typeof name === "string"))) &&
    (additionalProperties === undefined || typeof additionalProperties === "boolean")
  )
}

/**
 * Converts any JSON into an acceptable schema of bounded depth; returns the same object when it already is one.
 * Alternatives at the top (`anyOf`, `oneOf`, `allOf`, `$ref`, `if`) become one list of parameters, of which those are
 * required that every alternative requires.
 */
export const acceptable = (schema: unknown): SentSchema => {
  if (!Predicate.isRecord(schema)) return { type: "object", properties: {} }
  const known = made.get(schema)
  if (known !== undefined) return known
  const result = build(schema)
  made.set(schema, result)
  return result
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type JsonObject = Readonly<Record<string, unknown>>

const made = new WeakMap<object, SentSchema>()

/** Deeper than any schema that a model could follow; below this depth anything is allowed. */
const deepest = 32
/** Most schemas that are merged at the top, including references; this ends circular references. */
const mostForms = 200

const build = (schema: JsonObject): SentSchema => {
  const root = mended(schema, 0)
  // nothing to repair, and nothing at the top beyond the properties
  if (root === schema && isAcceptable(schema) && !tops.some((key) => key in schema)) return schema
  const forms = { left: mostForms }
  const { properties, required } = formOf(root, root, forms)
  const names = [...required]
  const all = Object.fromEntries([
    ...properties,
    // a parameter that occurs only in `required` must be visible to the model
    ...names.flatMap((name) => (properties.has(name) ? [] : [[name, {}] as const]))
  ])
  const { additionalProperties } = root
  return {
    ...Object.fromEntries(
      Object.entries(root).filter(([key, value]) => !own.has(key) && (!isDefinitions(key) || Predicate.isRecord(value)))
    ),
    type: "object",
    properties: all,
    ...(names.length === 0 ? {} : { required: names }),
    ...(typeof additionalProperties === "boolean" ? { additionalProperties } : {})
  }
}

/** Keywords at the top that are read into the list of parameters. */
const tops = ["$ref", "anyOf", "oneOf", "allOf", "if", "then", "else"]

/** Keywords that are replaced at the top, or have no meaning there. */
const own = new Set([
  ...tops,
  "type",
  "properties",
  "required",
  "additionalProperties",
  "enum",
  "const",
  "not",
  "items"
])

const isDefinitions = (key: string) => key === "$defs" || key === "definitions"

interface Form {
  readonly properties: ReadonlyMap<string, unknown>
  readonly required: ReadonlySet<string>
}

const nothing: Form = { properties: new Map(), required: new Set() }

/** The parameters of a schema and of all schemas that it combines. */
const formOf = (schema: unknown, root: JsonObject, forms: { left: number }): Form => {
  if (!Predicate.isRecord(schema) || forms.left-- <= 0) return nothing
  const { $ref, allOf, anyOf, else: otherwise, oneOf, properties, required, then } = schema
  const below = (value: unknown) => formOf(value, root, forms)
  const list = (value: unknown) => (Array.isArray(value) ? value.slice(0, mostForms).map(below) : [])
  return together([
    {
      properties: new Map(Predicate.isRecord(properties) ? Object.entries(properties) : []),
      required: new Set(namesIn(required))
    },
    ...($ref === undefined ? [] : [below(found(root, $ref))]),
    ...list(allOf),
    either(list(anyOf)),
    either(list(oneOf)),
    // whether the condition holds is unknown until there are arguments
    ...[then, otherwise].map((branch) => ({ ...below(branch), required: new Set<string>() }))
  ])
}

const namesIn = (required: unknown): ReadonlyArray<string> =>
  Array.isArray(required) ? required.filter((name) => typeof name === "string") : []

/** Merges schemas that all apply: the first description of a parameter wins. */
const together = (all: ReadonlyArray<Form>): Form => {
  const properties = new Map<string, unknown>()
  for (const form of all) {
    for (const [name, property] of form.properties) if (!properties.has(name)) properties.set(name, property)
  }
  return { properties, required: new Set(all.flatMap(({ required }) => [...required])) }
}

/** Merges alternatives: a parameter with different descriptions keeps all of them. */
const either = (all: ReadonlyArray<Form>): Form => {
  const [first, ...others] = all
  if (first === undefined) return nothing
  const described = new Map<string, Map<string, unknown>>()
  for (const { properties } of all) {
    for (const [name, property] of properties) {
      const known = described.get(name) ?? new Map<string, unknown>()
      described.set(name, known.set(JSON.stringify(property), property))
    }
  }
  return {
    properties: new Map(
      [...described].map(([name, known]) => [
        name,
        known.size === 1 ? [...known.values()][0] : oneOf([...known.values()])
      ])
    ),
    required: new Set([...first.required].filter((name) => others.every(({ required }) => required.has(name))))
  }
}

/** Discriminators become a list of values, which every engine supports. */
const oneOf = (schemas: ReadonlyArray<unknown>): JsonObject => {
  const values = schemas.map((schema) =>
    Predicate.isRecord(schema) && "const" in schema
      ? [schema["const"]]
      : Predicate.isRecord(schema) && Array.isArray(schema["enum"])
        ? schema["enum"]
        : undefined
  )
  return values.every((list) => list !== undefined) ? { enum: [...new Set(values.flat())] } : { anyOf: schemas }
}

/** The target of a reference within the schema. */
const found = (root: JsonObject, reference: unknown): unknown => {
  if (typeof reference !== "string" || !reference.startsWith("#/")) return undefined
  let current: unknown = root
  for (const part of reference.slice(2).split("/")) {
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~")
    if (!Predicate.isRecord(current) && !Array.isArray(current)) return undefined
    if (!Object.hasOwn(current, key)) return undefined
    current = (current as JsonObject)[key]
  }
  return current
}

/** Keywords whose value is a map of names to schemas, a schema, or a list of schemas. */
const named = new Set(["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"])
const single = new Set(["items", "contains", "additionalItems", "not", "if", "then", "else", "propertyNames"])
const several = new Set(["anyOf", "oneOf", "allOf", "prefixItems"])

/** The repaired schema; the same object when there is nothing to repair. */
const mended = (schema: JsonObject, depth: number): JsonObject => {
  let changed = false
  const entries = Object.entries(schema).flatMap(([key, value]): ReadonlyArray<readonly [string, unknown]> => {
    const next = mendedAt(key, value, depth)
    if (next !== value) changed = true
    return next === undefined ? [] : [[key, next]]
  })
  return changed ? Object.fromEntries(entries) : schema
}

/** The repaired value of a keyword; undefined means that it is left out. */
const mendedAt = (key: string, value: unknown, depth: number): unknown => {
  if (named.has(key)) return Predicate.isRecord(value) ? mendedNames(value, depth) : undefined
  if (several.has(key)) return Array.isArray(value) ? mendedList(value, depth) : undefined
  if (single.has(key)) {
    if (Array.isArray(value)) return key === "items" ? mendedList(value, depth) : undefined
    return mendedSchema(value, depth)
  }
  switch (key) {
    case "additionalProperties":
    case "unevaluatedProperties":
      return typeof value === "boolean" ? value : Predicate.isRecord(value) ? mendedSchema(value, depth) : undefined
    case "required": {
      if (!Array.isArray(value)) return undefined
      const names = [...new Set(namesIn(value))]
      return names.length === value.length ? value : names
    }
    case "type":
      return typeof value === "string" || (Array.isArray(value) && value.length > 0) ? value : undefined
    case "enum":
      return Array.isArray(value) && value.length > 0 ? value : undefined
    case "description":
    case "title":
    case "$ref":
      return typeof value === "string" ? value : undefined
    default:
      return value
  }
}

/** A parameter that is never allowed is left out. */
const mendedNames = (names: JsonObject, depth: number): JsonObject => {
  let changed = false
  const entries = Object.entries(names).flatMap(([name, value]): ReadonlyArray<readonly [string, unknown]> => {
    const next = value === false ? undefined : mendedSchema(value, depth)
    if (next !== value) changed = true
    return next === undefined ? [] : [[name, next]]
  })
  return changed ? Object.fromEntries(entries) : names
}

const mendedList = (list: ReadonlyArray<unknown>, depth: number): ReadonlyArray<unknown> => {
  const next = list.map((value) => mendedSchema(value, depth))
  return next.every((value, index) => value === list[index]) ? list : next
}

/** `true`, and what is not a schema, become the empty schema. */
const mendedSchema = (value: unknown, depth: number): JsonObject =>
  Predicate.isRecord(value) && depth < deepest ? mended(value, depth + 1) : {}
