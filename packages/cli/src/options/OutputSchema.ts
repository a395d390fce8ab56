/**
 * `--output-schema FILE`: reads and checks the JSON Schema of the answer before the first request.
 */
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as Options from "@effect/cli/Options"
import * as ValidationError from "@effect/cli/ValidationError"
import * as FileSystem from "@effect/platform/FileSystem"
import { ToolSchema } from "@lms-bridge/core/AgentLoop"
import * as Effect from "effect/Effect"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"

export type OutputSchema = Readonly<Record<string, unknown>>

export const option = Options.text("output-schema").pipe(
  Options.withDescription("A file with a JSON Schema. The answer is JSON that matches it, or the run fails."),
  Options.withPseudoName("FILE"),
  Options.mapEffect((file) =>
    Effect.mapError(read(file), (problem) =>
      ValidationError.invalidValue(HelpDoc.p(`--output-schema ${file}: ${problem}`))
    )
  ),
  Options.optional
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const decode = Schema.decode(Schema.parseJson(Schema.Unknown))
const isObject = Schema.is(Schema.Record({ key: Schema.String, value: Schema.Unknown }))

/** The words of the JSON parser, which name the place. */
const inWords = (error: ParseResult.ParseError) =>
  ParseResult.ArrayFormatter.formatErrorSync(error)
    .map(({ message }) => message)
    .join("; ")

/** Fails with a sentence. */
function read(file: string): Effect.Effect<OutputSchema, string, FileSystem.FileSystem> {
  return Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const text = yield* Effect.mapError(fs.readFileString(file), (error) =>
      error._tag === "SystemError" && error.reason === "NotFound"
        ? "there is no such file."
        : `it cannot be read (${error.message}).`
    )
    const schema = yield* Effect.mapError(decode(text), (error) => `it is not JSON: ${inWords(error)}.`)
    if (!isObject(schema) || Array.isArray(schema)) {
      return yield* Effect.fail('a JSON Schema is an object, for example {"type":"object","properties":{…}}.')
    }
    return yield* Effect.mapError(
      ToolSchema.checked(schema),
      (problems) => `it is not a valid JSON Schema: ${problems.join("; ")}.`
    )
  })
}
