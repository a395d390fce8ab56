/**
 * A tool in one line, for a prompt that has to hold many: its name, its parameters with their types, and a sentence. A
 * fifth of the tokens that its definition takes as JSON. Calls are validated against the whole schema all the same.
 */
import * as Predicate from "effect/Predicate"
import type { ToolDefinition } from "../../lmstudio/Chat.ts"
import { firstSentence } from "../schema/SlimSchema.ts"

/** `name {"path": string, "head"?: number}: What it does.` */
export const signature = (definition: ToolDefinition): string => {
  const known = made.get(definition)
  if (known !== undefined) return known
  const sentence = firstSentence(definition.description.replace(/^\[([^\]]{1,80})\]\s*/, "$1: "), longestSentence)
  const line = `${definition.name} ${typeOf(definition.parameters, 0)}${sentence === "" ? "" : `: ${sentence}`}`
  made.set(definition, line)
  return line
}

/** What the line leaves out of the description. */
export const untold = ({ description }: ToolDefinition): string => {
  const text = description
    .replace(/^\[([^\]]{1,80})\]\s*/, "")
    .trim()
    .replaceAll(/\s+/g, " ")
  const first = firstSentence(text, longestSentence).replace(/…$/, "")
  const rest = text.startsWith(first) ? text.slice(first.length).trim() : text
  return rest.length > 500 ? `${rest.slice(0, 500)}…` : rest
}

/** The same of several, one in a line. */
export const signatures = (definitions: ReadonlyArray<ToolDefinition>): string =>
  definitions.map((definition) => `- ${signature(definition)}`).join("\n")

/** A schema as a type: `{"path": string}`, `[string]`, `"a" | "b"`. */
export const typeOf = (schema: unknown, depth = 0): string => {
  if (!Predicate.isRecord(schema) || depth > deepest) return "any"
  const { properties, type } = schema
  const values = schema["enum"] ?? ("const" in schema ? [schema["const"]] : undefined)
  if (Array.isArray(values)) return oneOf(values.slice(0, mostValues).map((value) => JSON.stringify(value)))
  const choices = schema["anyOf"] ?? schema["oneOf"]
  if (Array.isArray(choices) && choices.length > 0) {
    return oneOf(choices.slice(0, 3).map((choice) => typeOf(choice, depth + 1)))
  }
  if (Array.isArray(type)) return oneOf(type.map((one) => typeOf({ ...schema, type: one }, depth)))
  if (Predicate.isRecord(properties)) {
    const { required } = schema
    const needed = new Set(Array.isArray(required) ? required : [])
    const members = Object.entries(properties).toSorted(([a], [b]) => Number(needed.has(b)) - Number(needed.has(a)))
    return `{${members.map(([name, item]) => `${JSON.stringify(name)}${needed.has(name) ? "" : "?"}: ${typeOf(item, depth + 1)}`).join(", ")}}`
  }
  if (type === "array") return `[${typeOf(schema["items"] ?? {}, depth + 1)}]`
  return type === "object" ? "{}" : typeof type === "string" ? type : "any"
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const longestSentence = 120
const deepest = 4
const mostValues = 12

const oneOf = (types: ReadonlyArray<string>): string => [...new Set(types)].join(" | ")

const made = new WeakMap<ToolDefinition, string>()
