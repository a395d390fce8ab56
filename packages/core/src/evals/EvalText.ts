/** The text of a file of a task: YAML, of which JSON is a part. Pure; loaded only for an eval. */
import * as Either from "effect/Either"
import * as JSONSchema from "effect/JSONSchema"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as Yaml from "yaml"
import { EvalTask } from "./EvalTask.ts"

/** The task in a text, or what is wrong with it. */
export const parse = (text: string): Either.Either<EvalTask, ReadonlyArray<string>> => {
  const lines = new Yaml.LineCounter()
  const document = Yaml.parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const [error] = document.errors
  if (error !== undefined) return Either.left([`line ${lines.linePos(error.pos[0]).line}: ${error.message}`])
  return Either.try({ try: () => document.toJS() as unknown, catch: () => ["its aliases have no end"] }).pipe(
    Either.flatMap((value) =>
      Either.mapLeft(decode(value), (issue) => ParseResult.ArrayFormatter.formatErrorSync(issue).map(problem))
    )
  )
}

/** The JSON Schema of a file, for editors. */
export const jsonSchema = (): JSONSchema.JsonSchema7Root => JSONSchema.make(EvalTask)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

// a key with a typing error would be a check that is not made
const decode = Schema.decodeUnknownEither(EvalTask, { errors: "all", onExcessProperty: "error" })

const problem = ({ message, path }: ParseResult.ArrayFormatterIssue): string =>
  `${path.length === 0 ? "the whole" : path.join(".")}: ${message.replaceAll(/\s+/g, " ")}`
