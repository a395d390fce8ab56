/**
 * A tool in one line, for a prompt that has to hold many: its name, its parameters with their types, and a sentence. A
 * fifth of the tokens that its definition takes as JSON. Calls are validated against the whole schema all the same.
 */
import * as Predicate from "effect/Predicate"
import type { ToolDefinition } from "../../lmstudio/Chat.ts"
import { firstSentence } from "../schema/SlimSchema.ts"

/** `name {"path": string, "head"?: number}: What it does.` Of a long one, optional parameters by name only. */
export const signature = (definition: ToolDefinition): string => {
  const known = made.get(definition)
  if (known !== undefined) return known
  const all = whole(definition)
  const line = all.length <= longestLine ? all : lineOf(definition, briefly(definition.parameters), briefSentence)
  made.set(definition, line)
  return line
}

/** The same with the types of all parameters. */
export const whole = (definition: ToolDefinition): string =>
  lineOf(definition, typeOf(definition.parameters, 0), longestSentence)

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

/** Names in few words: those that begin with their server, `server__tool`, stand in one line with it. */
export const listOfNames = (names: ReadonlyArray<string>): string => {
  const ofServers = new Map<string, Array<string>>()
  for (const name of names) {
    const end = name.indexOf("__") + 2
    const server = end > 2 && end < name.length ? name.slice(0, end) : ""
    ofServers.set(server, [...(ofServers.get(server) ?? []), name.slice(server.length)])
  }
  const lines = [...ofServers].map(([server, own]) => `${server === "" ? "" : `${server}: `}${own.join(", ")}`)
  const grouped = [...ofServers.keys()].some((server) => server !== "")
  return `The names of all tools${grouped ? ", each line with what they begin with" : ""}:\n${lines.join("\n")}`
}

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
/** Characters above which a line is made brief. */
const longestLine = 240
const briefSentence = 80
const mostOptional = 10

const lineOf = ({ description, name }: ToolDefinition, parameters: string, longest: number): string => {
  // a name that begins with its server says it already
  const told = description.replace(/^\[([^\]]{1,80})\]\s*/, (_, server: string) =>
    name.startsWith(`${server}__`) ? "" : `${server}: `
  )
  const sentence = firstSentence(told, longest)
  return `${name} ${parameters}${sentence === "" ? "" : `: ${sentence}`}`
}

const briefly = (schema: Readonly<Record<string, unknown>>): string => {
  const { properties, required } = schema
  if (!Predicate.isRecord(properties)) return typeOf(schema)
  const needed = new Set(Array.isArray(required) ? required : [])
  const optional = Object.keys(properties).filter((name) => !needed.has(name))
  return `{${[
    ...Object.entries(properties).flatMap(([name, item]) =>
      needed.has(name) ? [`${JSON.stringify(name)}: ${typeOf(item, 1)}`] : []
    ),
    ...optional.slice(0, mostOptional).map((name) => `${JSON.stringify(name)}?`),
    ...(optional.length > mostOptional ? ["…"] : [])
  ].join(", ")}}`
}
const deepest = 4
const mostValues = 12

const oneOf = (types: ReadonlyArray<string>): string => [...new Set(types)].join(" | ")

const made = new WeakMap<ToolDefinition, string>()
