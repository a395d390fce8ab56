/**
 * From the text that a model wrote as arguments to an object that fits the tool's schema, or to an exact reason why not.
 * Nothing is guessed: ambiguous arguments go back to the model.
 */
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import { decodeJson } from "../../internal/parseJson.ts"
import type { McpTool } from "../../mcp/McpTool.ts"
import * as ArgumentText from "./ArgumentText.ts"
import type { Arguments } from "./ArgumentText.ts"
import * as Escapes from "./Escapes.ts"
import { repairJson } from "./JsonRepair.ts"
import * as ToolSchema from "./ToolSchema.ts"

/**
 * The result of checking a call's arguments. `told` is a short, exact message for the model. `schemaProblem` says what
 * about the tool's schema cannot be used, and so was not checked.
 */
export type Checked =
  | { readonly _tag: "Fit"; readonly arguments: Arguments; readonly schemaProblem: string | undefined }
  | { readonly _tag: "Unfit"; readonly told: string }

/**
 * Parses, coerces by the schema and validates. `whole` is false for a reply that may be truncated; then nothing is
 * repaired.
 */
export const check = (tool: McpTool, name: string, text: string, options: { readonly whole: boolean }): Checked => {
  // JSON itself would read the start of a folder's name as a tab
  const parsed = Either.flatMap(Escapes.read(text), () => ArgumentText.read(text, options.whole ? mended : decodeJson))
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
  const fitted = Either.filterOrLeft(ToolSchema.fit(compiled.right, value), ArgumentText.isObject, () => [
    "must be an object"
  ])
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

/** Decodes JSON, after unambiguous repairs if necessary. */
const mended = (text: string): Either.Either<unknown, string | undefined> =>
  Either.orElse(decodeJson(text), () =>
    Either.flatMap(repairJson(text), (repaired) => Either.mapLeft(decodeJson(repaired), () => undefined))
  )

const unfit = (name: string, problem: string, tool: McpTool): Checked => ({
  _tag: "Unfit",
  told: `The tool "${name}" was not run: ${problem}. ${signature(tool)} Call it again with corrected arguments.`
})

/** The names of the parameters, with `?` after optional ones, for the model. */
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
