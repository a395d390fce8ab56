/**
 * Shorter tool definitions, with only what a model needs to call the tool, for contexts in which the full definitions leave
 * no room to work.
 */
import * as Predicate from "effect/Predicate"
import type { ToolDefinition } from "../../lmstudio/Chat.ts"

/**
 * The same tool with its description reduced to a sentence, and its schema without titles, examples, defaults and long
 * descriptions. Calls are still validated against the full schema.
 */
export const slim = (definition: ToolDefinition): ToolDefinition => {
  const known = slimmed.get(definition)
  if (known !== undefined) return known
  const result: ToolDefinition = {
    name: definition.name,
    description: firstSentence(definition.description, 160),
    parameters: slimObject(definition.parameters, false)
  }
  slimmed.set(definition, result)
  return result
}

/**
 * Slim, and without what makes engines fail to build a grammar (contract H26): patterns, bounds, combined and referenced
 * schemas. It demands less than the tool does; calls are still validated against the full schema.
 */
export const plain = (definition: ToolDefinition): ToolDefinition => {
  const { description, name, parameters } = slim(definition)
  return { name, description, parameters: plainSchema(parameters) }
}

/** The same for a schema alone. */
export const plainSchema = (schema: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(schema).flatMap(([key, value]): ReadonlyArray<readonly [string, unknown]> => {
      if (!plainKeys.has(key)) return []
      if (key === "properties" && Predicate.isRecord(value)) {
        return [[key, Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plainItem(item)]))]]
      }
      return [[key, key === "items" ? plainItem(value) : value]]
    })
  )

/** The first sentence of a text, of at most `most` characters. */
export const firstSentence = (text: string, most: number): string => {
  const line = text.trim().replaceAll(/\s+/g, " ")
  const end = /[.!?](?=\s)/.exec(line)
  const sentence = end === null ? line : line.slice(0, end.index + 1)
  return sentence.length <= most ? sentence : `${sentence.slice(0, most - 1)}…`
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const plainKeys = new Set(["type", "description", "properties", "required", "items", "enum", "const"])

const plainItem = (item: unknown): unknown => (Predicate.isRecord(item) ? plainSchema(item) : {})

const slimmed = new WeakMap<ToolDefinition, ToolDefinition>()

const dropped = new Set([
  "title",
  "examples",
  "example",
  "default",
  "$schema",
  "$id",
  "$comment",
  "deprecated",
  "format"
])

/** Below `properties`, the keys are names of parameters, which may also be `title`. */
const slimObject = (schema: Readonly<Record<string, unknown>>, names: boolean): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(schema).flatMap(([key, value]): ReadonlyArray<readonly [string, unknown]> => {
      if (names) return [[key, slimValue(value, false)]]
      if (dropped.has(key)) return []
      if (key === "description") return typeof value === "string" ? [[key, firstSentence(value, 80)]] : []
      if (key === "enum" || key === "const" || key === "required") return [[key, value]]
      return [[key, slimValue(value, key === "properties" || key === "$defs" || key === "definitions")]]
    })
  )

const slimValue = (value: unknown, names: boolean): unknown =>
  Array.isArray(value)
    ? value.map((item) => slimValue(item, false))
    : Predicate.isRecord(value)
      ? slimObject(value, names)
      : value
