/** The text of a settings file: what it says, how it is changed, and the schema of all that it may say. */
import * as Either from "effect/Either"
import * as JSONSchema from "effect/JSONSchema"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Jsonc from "jsonc-parser"
import * as JsoncText from "../json/JsoncText.ts"
import type { Setting } from "./Setting.ts"
import { isPersonal, meant, type Contents, type SettingsFile, type Table } from "./SettingsFile.ts"

export const contents = (table: Table, { path, scope, text }: SettingsFile): Contents => {
  if (Option.isNone(text)) return { values: new Map(), problems: [] }
  const parsed = JsoncText.parse(JsoncText.withoutMark(text.value))
  if (Either.isLeft(parsed)) {
    return { values: new Map(), problems: [`${path}, line ${parsed.left.line}: ${parsed.left.detail}`] }
  }
  const members = Object.entries(Jsonc.getNodeValue(parsed.right) as Record<string, unknown>)
  const values = new Map<string, string>()
  const problems = members.flatMap(([key, value]) => {
    if (key === "$schema") return []
    const setting = Object.hasOwn(table, key) ? table[key] : undefined
    if (setting === undefined) return [`"${key}" in ${path} is not a setting.${meant(table, key)}`]
    if (scope === "project" && isPersonal(key)) {
      return [
        `"${key}" is not accepted in ${path}: a project's file may come from somebody else. Put it into your own file, or set ${setting.variable}.`
      ]
    }
    const found = textOf(value)
    if (!Schema.is(setting.json)(value) || Option.isNone(setting.decode(found))) {
      return [`"${key}" in ${path} is ${shown(setting, value)}, but must be ${setting.allowed}.`]
    }
    values.set(key, found)
    return []
  })
  return { values, problems }
}

/** The JSON Schema of a settings file, for editors. */
export const jsonSchema = (table: Table): object => {
  const fields = Object.entries(table).map(([key, { allowed, description, json, shown: fallback, variable }]) => {
    const standard = fallback === "" ? "Unset by default." : `Default: ${fallback}.`
    const words = `${description} ${variable}: ${allowed.replaceAll("`", "")}. ${standard}`
    return [key, Schema.optional(json.annotations({ description: words }))] as const
  })
  const $schema = Schema.optional(Schema.String.annotations({ description: "Where an editor finds this schema." }))
  return JSONSchema.make(
    Schema.Struct({ $schema, ...Object.fromEntries(fields) }).annotations({ title: "Settings of lms-bridge" })
  )
}

/** The JSON value that a person means by this text, as the setting wants it. */
export const valueOf = ({ json }: Setting<unknown>, text: string): unknown =>
  [
    ...(text === "true" || text === "false" ? [text === "true"] : []),
    ...(/^\d+$/.test(text) ? [Number(text)] : []),
    ...(/^\s*[[{]/.test(text) ? Option.toArray(parsed(text)) : [])
  ].find(Schema.is(json)) ?? text

/** The text with the key set. Comments and all other members stay as they are. */
export const withValue = (text: string, key: string, value: unknown): Either.Either<string, JsoncText.Problem> =>
  Either.map(JsoncText.parse(text), (root) => {
    const json = JSON.stringify(value)
    const present = memberOf(root, key)?.children?.[1]
    if (present !== undefined) {
      return text.slice(0, present.offset) + json + text.slice(present.offset + present.length)
    }
    const [first] = root.children ?? []
    const member = `${indentOf(text, first)}${JSON.stringify(key)}: ${json}${first === undefined ? "" : ","}`
    // a comment behind the brace stays there
    const [rest = ""] = /^[^\S\n]*(?:\/\/[^\n]*)?(?=\r?\n)/.exec(text.slice(root.offset + 1)) ?? []
    const at = root.offset + 1 + rest.length
    return `${text.slice(0, at)}\n${member}${rest === "" && text[at] !== "\n" && text[at] !== "\r" ? "\n" : ""}${text.slice(at)}`
  })

/** The text without the key. */
export const withoutValue = (text: string, key: string): Either.Either<string, JsoncText.Problem> =>
  Either.map(JsoncText.parse(text), (root) => {
    const members = root.children ?? []
    const member = memberOf(root, key)
    if (member === undefined) return text
    const end = member.offset + member.length
    const comma = /^\s*,/.exec(text.slice(end))?.[0]
    const without = cut(text, member.offset, end + (comma?.length ?? 0))
    const before = members[members.indexOf(member) - 1]
    if (comma !== undefined || before === undefined) return without
    // the last member: the comma before it goes, whatever comments follow it
    const at = before.offset + before.length
    return without.slice(0, at) + without.slice(at).replace(/^(\s*),/, "$1")
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const parsed = Schema.decodeOption(Schema.parseJson(Schema.Object))

const textOf = (value: unknown): string => {
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value.join(",")
  return typeof value === "object" && value !== null ? JSON.stringify(value) : String(value)
}

const shown = ({ secret = false }: Setting<unknown>, value: unknown): string =>
  secret ? "<redacted>" : JSON.stringify(value).slice(0, 80)

const memberOf = (root: Jsonc.Node, key: string) =>
  (root.children ?? []).find(({ children }) => (children?.[0]?.value as unknown) === key)

const indentOf = (text: string, first: Jsonc.Node | undefined): string => {
  if (first === undefined) return "  "
  const line = text.slice(text.lastIndexOf("\n", first.offset - 1) + 1, first.offset)
  return /^\s*$/.test(line) ? line : "  "
}

/** A line of which nothing is left goes, too. */
const cut = (text: string, from: number, to: number): string => {
  const start = text.lastIndexOf("\n", from - 1)
  const [blank = ""] = /^[^\S\n]*/.exec(text.slice(to)) ?? []
  const alone = start !== -1 && text.slice(start, from).trim() === "" && text[to + blank.length] === "\n"
  return alone ? text.slice(0, start) + text.slice(to + blank.length) : text.slice(0, from) + text.slice(to)
}
