/** Fills a tool's required arguments, by its JSON Schema, from a clause: quoted strings, paths, numbers, names. */
import * as Option from "effect/Option"
import * as Json from "../../internal/json.ts"
import type { PromptTool } from "../SimulatedModel.ts"
import * as Language from "./Language.ts"
import type { Situation } from "./Situation.ts"
import { join } from "./Situation.ts"

/** The parts of the clause that are not used up yet. */
interface Material {
  readonly situation: Situation
  readonly clause: string
  readonly tool: PromptTool
  readonly paths: Array<string>
  readonly numbers: Array<number>
  readonly quoted: Array<string>
  /** Whether the value is inside an array's item. */
  readonly nested: boolean
}

/** One set of arguments per call: a tool with a single path is called once for each path in the clause. */
export const fill = (situation: Situation, clause: string, tool: PromptTool): ReadonlyArray<Json.JsonObject> => {
  const properties = Json.objectOf(tool.parameters["properties"])
  const required = Json.arrayOf(tool.parameters["required"]).filter((name) => typeof name === "string")
  const single = required.filter((name) => takesPath(name, Json.objectOf(properties[name])))
  const named = Language.paths(clause)
  const [only] = single
  const perPath = only !== undefined && single.length === 1 && !isArray(properties[only]) && named.length > 1
  return (perPath ? named : [undefined]).flatMap((path) => {
    const material: Material = {
      situation,
      clause,
      tool,
      paths: path === undefined ? [...named] : [path],
      numbers: [...Language.numbers(clause)],
      quoted: Language.quotedStrings(clause).filter((text) => !Language.isPath(text)),
      nested: false
    }
    return Option.toArray(objectOf(tool.parameters, material))
  })
}

/** Whether the schema expects a path, by the name or the description of the property. */
export const takesPath = (name: string, schema: Json.JsonObject): boolean =>
  /path|file|dir|folder|uri|source|destination/i.test(name) ||
  /\b(file|directory|folder) paths?\b/i.test(Json.stringOf(schema["description"]) ?? "")

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const isArray = (schema: unknown): boolean => Json.objectOf(schema)["type"] === "array"

const objectOf = (schema: Json.JsonObject, material: Material): Option.Option<Json.JsonObject> => {
  const properties = Json.objectOf(schema["properties"])
  const required = Json.arrayOf(schema["required"]).filter((name) => typeof name === "string")
  const filled: Record<string, unknown> = {}
  for (const name of required) {
    const value = valueOf(name, Json.objectOf(properties[name]), material)
    if (Option.isNone(value)) return Option.none()
    filled[name] = value.value
  }
  return Option.some(filled)
}

const valueOf = (name: string, schema: Json.JsonObject, material: Material): Option.Option<unknown> => {
  if (schema["const"] !== undefined) return Option.some(schema["const"])
  const choices = Json.arrayOf(schema["enum"])
  if (choices.length > 0) return choiceOf(choices, schema, material)
  const given = schema["type"]
  switch (Array.isArray(given) ? given[0] : given) {
    case "number":
    case "integer":
      return orDefault(schema, Option.fromNullable(material.numbers.shift()))
    case "boolean":
      return Option.some(schema["default"] ?? false)
    case "array":
      return arrayOf(name, schema, material)
    case "object":
      return objectOf(schema, material)
    default:
      return orDefault(schema, textOf(name, schema, material))
  }
}

const orDefault = (schema: Json.JsonObject, value: Option.Option<unknown>): Option.Option<unknown> =>
  Option.orElse(value, () => Option.fromNullable(schema["default"]))

const choiceOf = (
  choices: ReadonlyArray<unknown>,
  schema: Json.JsonObject,
  { clause }: Material
): Option.Option<unknown> => {
  const lower = clause.toLowerCase()
  const named = choices.find((choice) => typeof choice === "string" && lower.includes(choice.toLowerCase()))
  return Option.fromNullable(named ?? schema["default"] ?? choices[0])
}

const arrayOf = (name: string, schema: Json.JsonObject, material: Material): Option.Option<ReadonlyArray<unknown>> => {
  const items = Json.objectOf(schema["items"])
  if (items["type"] === "object") return Option.map(objectOf(items, { ...material, nested: true }), (item) => [item])
  if (takesPath(name, schema)) {
    const all = material.paths.splice(0).map((path) => resolve(path, material.situation))
    return all.length === 0 ? Option.none() : Option.some(all)
  }
  if (items["type"] === "number" || items["type"] === "integer") {
    const all = material.numbers.splice(0)
    return all.length === 0 ? Option.none() : Option.some(all)
  }
  const quoted = material.quoted.splice(0)
  if (quoted.length > 0) return Option.some(quoted)
  const phrase = Option.map(phraseOf(name, material), (text) => [text])
  if (Option.isSome(phrase)) return phrase
  // Inside an object an empty list means that there is nothing more; on its own the call would be pointless.
  return material.nested ? Option.some([]) : Option.map(rest(material), (text) => [text])
}

const textOf = (name: string, schema: Json.JsonObject, material: Material): Option.Option<string> => {
  if (takesPath(name, schema)) return pathOf(material)
  const labelled = labelledWord(name, material.clause)
  if (Option.isSome(labelled)) return consume(labelled.value, material)
  if (/type|kind|category/i.test(name)) return Option.orElse(kindOf(material.clause), () => Option.some("thing"))
  const quoted = material.quoted.shift()
  if (quoted !== undefined) return Option.some(quoted)
  if (/pattern|glob/i.test(name))
    return Option.map(rest(material), (text) => (text.includes("*") ? text : `**/*${text}*`))
  if (/^(name|from|to|.*name)$/i.test(name)) return properName(material)
  return rest(material)
}

const consume = (text: string, material: Material): Option.Option<string> => {
  const index = material.quoted.indexOf(text)
  if (index >= 0) material.quoted.splice(index, 1)
  return Option.some(text)
}

// "of type person", "named Ada", "query: green tea", `message "hi"`.
const labelledWord = (name: string, clause: string): Option.Option<string> => {
  const label = (name.match(/[A-Z]?[a-z]+/g) ?? [name]).at(-1)?.toLowerCase() ?? name
  const labels = label === "name" ? "named|called|name" : label
  const match = new RegExp(
    `\\b(?:${labels})\\b\\s*(?:is|=|:|of)?\\s*(?:"([^"]+)"|'([^']+)'|([\\p{L}\\d_-]+))`,
    "iu"
  ).exec(clause)
  const found = match?.[1] ?? match?.[2] ?? match?.[3]
  return found === undefined || /^(is|of|the|a|an|to|for|in|with|and|that)$/i.test(found)
    ? Option.none()
    : Option.some(found)
}

const kindOf = (clause: string): Option.Option<string> =>
  Option.fromNullable(
    /\b(person|place|project|company|organisation|organization|event|animal|thing)\b/i.exec(clause)?.[1]?.toLowerCase()
  )

const properName = ({ clause }: Material): Option.Option<string> =>
  Option.fromNullable(clause.slice(1).match(/(?<=\s)\p{Lu}[\p{L}\d_-]*/u)?.[0])

// "that she likes tea", "who lives in Rome": a statement about something.
const phraseOf = (name: string, { clause }: Material): Option.Option<string> =>
  /observation|content|fact/i.test(name)
    ? Option.fromNullable(/\b(?:that|who|which|observation|fact)s?:?\s+(.+?)[.!?]?$/i.exec(clause)?.[1])
    : Option.none()

// "search the memory for tea", "files with takings in their name": the text after the last such word.
const sought =
  /\b(?:for|about|with|containing|matching|named|called)\s+(?!files?\b)((?:(?!\b(?:for|about|with|containing|matching|named|called)\b).)+)$/i

const openings =
  /^.*?\b(?:search|find|look|grep|locate|echo|repeat|say|recall|remember|write|about|for|read|open|research)\b\s*(?:up|back|for|about|the|all|nodes?|notes?|entit(?:y|ies)|messages?|words?|text|everything|anything|what)*(?:\s+(?:about|for|the|a|an))*\s*:?\s*/i

// The rest of a clause after its verb: the words of a query or a message.
const rest = ({ clause, tool }: Material): Option.Option<string> => {
  const aim = /search|find|query|recall/i.test(tool.name) ? sought.exec(clause)?.[1] : undefined
  const after = aim ?? (openings.test(clause) ? clause.replace(openings, "") : "")
  const text = after
    .replace(
      /\s+(?:in|from|on|of)\s+(?:the\s+)?(?:memory|knowledge graph|graph|folder|directory|(?:its|their) names?|example.*)$/i,
      ""
    )
    .replace(/[.!?]+$/, "")
    .trim()
  return text === "" ? Option.none() : Option.some(text)
}

const pathOf = (material: Material): Option.Option<string> => {
  const wantsFolder = /director(y|ies)|folder|tree|search/i.test(material.tool.name)
  const named = material.paths.findIndex((path) => !wantsFolder || !Language.isFile(path))
  if (named >= 0) {
    const [path = ""] = material.paths.splice(named, 1)
    return Option.some(resolve(path, material.situation))
  }
  if (wantsFolder) return Option.some(folderOf(material.clause, material.situation))
  return Option.fromNullable(listedFile(material.clause, material.situation))
}

// A listed file that the clause names.
const listedFile = (clause: string, { listed }: Situation): string | undefined => {
  const wanted = new Set(Language.words(clause))
  return listed.find((path) => Language.words(baseName(path).replace(/\.\w+$/, "")).some((word) => wanted.has(word)))
}

const baseName = (path: string): string => path.replace(/^.*[\\/]/, "")

/** The folder that a clause names: an allowed one with such a name, one inside it, or the allowed one itself. */
const folderOf = (clause: string, { bases }: Situation): string => {
  const named =
    /([\p{L}\d_.-]+)\s+(?:folder|directory)\b/iu.exec(clause)?.[1] ??
    /\b(?:folder|directory)\s+(?:named |called )?["'`]?([\p{L}\d_.-]+)/iu.exec(clause)?.[1]
  const plain =
    named === undefined || /^(the|this|that|current|working|allowed|my|your|a|in|and|with|for|of)$/i.test(named)
  const [first = "."] = bases
  if (plain)
    return bases.find((base) => Language.words(base).some((word) => Language.words(clause).includes(word))) ?? first
  const fitting = bases.find((base) =>
    base.split(/[\\/]/).some((segment) => segment.toLowerCase() === named.toLowerCase())
  )
  return fitting ?? (bases.length === 0 ? named : join(first, named))
}

const resolve = (path: string, { bases, listed }: Situation): string => {
  if (/^(?:[\\/~]|[A-Za-z]:\\)/.test(path)) return path
  const shown = listed.find((candidate) => candidate.endsWith(`/${path}`) || candidate.endsWith(`\\${path}`))
  const [base] = bases
  return shown ?? (base === undefined ? path : join(base, path))
}
