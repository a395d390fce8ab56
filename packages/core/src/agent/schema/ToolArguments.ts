/**
 * From the text that a model wrote as arguments to an object that fits the tool's schema, or to an exact account of why
 * not. Nothing is invented: what could mean two things goes back to the model.
 */
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import { decodeJson } from "../../internal/parseJson.ts"
import { ExactNumber } from "../../json/ExactJson.ts"
import type { McpTool } from "../../mcp/McpTool.ts"
import * as Escapes from "./Escapes.ts"
import { repairJson } from "./JsonRepair.ts"
import * as ToolSchema from "./ToolSchema.ts"

export type Arguments = Readonly<Record<string, unknown>>

/**
 * What came of a call's arguments. `told` is short and exact and meant for the model. `schemaProblem` says that the
 * tool's schema cannot be used, as it is, and what is not checked therefore.
 */
export type Checked =
  | { readonly _tag: "Fit"; readonly arguments: Arguments; readonly schemaProblem: string | undefined }
  | { readonly _tag: "Unfit"; readonly told: string }

/**
 * The object that the text stands for, undefined for "" and `null`, or why it is none. `repair` allows mistakes with
 * only one reading; it must be false for a reply that may have been cut.
 */
export const parseArguments = (
  text: string,
  options: { readonly repair: boolean }
): Either.Either<Arguments | undefined, string> => {
  const trimmed = text.trim()
  if (trimmed === "" || trimmed === "null") return Either.right(undefined)
  const parsed = Either.orElse(decodeJson(trimmed), () =>
    options.repair
      ? Either.flatMap(repairJson(trimmed), (mended) => Either.mapLeft(decodeJson(mended), () => undefined))
      : Either.left(undefined)
  )
  if (Either.isLeft(parsed)) return Either.left(parsed.left ?? "the arguments are not valid JSON")
  // a JSON object inside a JSON string: some models encode twice
  const inner = typeof parsed.right === "string" ? readable(parsed.right) : parsed
  if (Either.isLeft(inner)) return Either.left(inner.left)
  const value = inner.right
  return isObject(value)
    ? Either.right(value)
    : Either.left(`the arguments must be a JSON object, but are ${ToolSchema.kindOf(value)}`)
}

/**
 * Parses, coerces by the schema and validates. `whole` is false for a reply that may have been cut: then nothing is
 * repaired.
 */
export const check = (tool: McpTool, name: string, text: string, options: { readonly whole: boolean }): Checked => {
  // JSON itself would make a tab of a folder's name
  const parsed = Either.flatMap(Escapes.read(text), () => parseArguments(text, { repair: options.whole }))
  if (Either.isLeft(parsed)) {
    const got = text.length > 200 ? `${text.slice(0, 100)} … ${text.slice(-80)}` : text
    const cut = options.whole ? "" : " The reply was cut by the token limit; write less at once."
    return unfit(name, `${parsed.left}. Got: ${got}${cut}`, tool)
  }
  const compiled = ToolSchema.compile(tool.inputSchema)
  const value = parsed.right ?? {}
  if (Either.isLeft(compiled)) {
    const required = tool.inputSchema["required"]
    return parsed.right === undefined && Array.isArray(required) && required.length > 0
      ? unfit(name, "no arguments were given", tool)
      : {
          _tag: "Fit",
          arguments: value,
          schemaProblem: `${compiled.left}; only that its arguments are an object is checked`
        }
  }
  const fitted = Either.filterOrLeft(ToolSchema.fit(compiled.right, value), isObject, () => ["must be an object"])
  if (Either.isRight(fitted))
    return { _tag: "Fit", arguments: fitted.right, schemaProblem: ToolSchema.leftOut(tool.inputSchema) }
  return unfit(
    name,
    parsed.right === undefined ? `no arguments were given; ${fitted.left.join("; ")}` : fitted.left.join("; "),
    tool
  )
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const readable = (text: string): Either.Either<unknown, string> => {
  const value = decodeJson(text)
  return Either.isRight(value) ? Either.map(Escapes.read(text), () => value.right) : Either.right(text)
}

const isObject = (value: unknown): value is Arguments => Predicate.isRecord(value) && !(value instanceof ExactNumber)

const unfit = (name: string, problem: string, tool: McpTool): Checked => ({
  _tag: "Unfit",
  told: `The tool "${name}" was not run: ${problem}. ${signature(tool)} Call it again with corrected arguments.`
})

/** Names of the parameters with `?` where they may be left out, for the model to see at a glance. */
const signature = (tool: McpTool): string => {
  const properties = tool.inputSchema["properties"]
  const names = Predicate.isRecord(properties) ? Object.keys(properties) : []
  const required = tool.inputSchema["required"]
  const needed = new Set(Array.isArray(required) ? required : [])
  return names.length === 0
    ? "It takes no parameters."
    : `Parameters: ${names
        .slice(0, 20)
        .map((name) => (needed.has(name) ? name : `${name}?`))
        .join(", ")}${names.length > 20 ? ", …" : ""}.`
}
