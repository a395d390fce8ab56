/**
 * The user's own rules: a JSON file that says what runs may do with which tools, and sets the limits of the loop. It is
 * read when a run starts, so a change needs no restart.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as Jsonc from "jsonc-parser"
import { optional } from "../../schema/Fields.ts"
import * as ByteLimits from "../../resilience/ByteLimits.ts"
import { Settings, table } from "../../configuration/Settings.ts"
import { CurrentLoopPolicy, LoopPolicy } from "../LoopPolicy.ts"
import { CurrentToolPolicy, PolicyRule, ToolPolicy } from "./ToolPolicy.ts"

/** The content of the file. Its rules and traits precede the defaults; `loop` overrides single limits. */
export const PolicyFile = Schema.Struct({
  rules: optional(Schema.Array(PolicyRule)),
  traits: optional(ToolPolicy.fields.traits),
  loop: optional(Schema.partialWith(Schema.Struct(LoopPolicy.fields), { exact: true }))
})
export type PolicyFile = typeof PolicyFile.Type

/** The file is invalid, so nothing runs: a rule that is not understood might be one that forbids something. */
export class PolicyInvalid extends Schema.TaggedError<PolicyInvalid>()("PolicyInvalid", {
  path: Schema.String,
  problems: Schema.Array(Schema.String)
}) {
  readonly retryable = false
  override get message() {
    return `The policy ${this.path} cannot be used: ${this.problems.join("; ")}. Correct it, or unset ${table.policyPath.variable}.`
  }
}

/** Both policies of a run. */
export interface Policies {
  readonly tools: ToolPolicy
  readonly loop: LoopPolicy
}

/** The user's policies for a run that starts now; none where no file is configured. */
export class UserPolicies extends Context.Reference<UserPolicies>()("@lms-bridge/core/agent/UserPolicies", {
  defaultValue: (): Effect.Effect<Option.Option<Policies>, PolicyInvalid> => Effect.succeedNone
}) {
  /** From the file named in the settings. */
  static readonly layer: Layer.Layer<UserPolicies, never, FileSystem.FileSystem | Settings> = Layer.effect(
    this,
    Effect.map(Effect.all([FileSystem.FileSystem, Settings]), ([fs, { policyPath }]) =>
      Option.match(policyPath, {
        onNone: () => Effect.succeedNone,
        onSome: (path) => Effect.asSome(read(fs, path))
      })
    )
  )
}

/** The policies of a policy file's text, on top of `before`, or what is wrong with the text. */
export const decode = (text: string, before: Policies): Either.Either<Policies, ReadonlyArray<string>> => {
  const errors: Array<Jsonc.ParseError> = []
  const value: unknown = Jsonc.parse(text, errors, { allowTrailingComma: true })
  const [error] = errors
  if (error !== undefined) {
    const line = text.slice(0, error.offset).split("\n").length
    return Either.left([`line ${line}: ${Jsonc.printParseErrorCode(error.error)}`])
  }
  return Either.mapBoth(decodeFile(value), {
    onLeft: (issue) => ParseResult.ArrayFormatter.formatErrorSync(issue).map(problem),
    onRight: ({ loop = {}, rules = [], traits = [] }) => ({
      tools: new ToolPolicy({
        rules: [...rules, ...before.tools.rules],
        traits: [...traits, ...before.tools.traits]
      }),
      loop: new LoopPolicy({ ...before.loop, ...loop })
    })
  })
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

// an unknown key may be a rule that would not be enforced
const decodeFile = Schema.decodeUnknownEither(PolicyFile, { errors: "all", onExcessProperty: "error" })

const problem = ({ message, path }: ParseResult.ArrayFormatterIssue): string =>
  `${path.length === 0 ? "the whole" : path.join(".")}: ${message.replaceAll(/\s+/g, " ")}`

const read = (fs: FileSystem.FileSystem, path: string): Effect.Effect<Policies, PolicyInvalid> =>
  Effect.gen(function* () {
    const { policyFile } = yield* ByteLimits.CurrentByteLimits
    const text = yield* Effect.mapError(ByteLimits.readText(fs, path, policyFile), (cause) => [
      cause._tag === "SystemError" && cause.reason === "NotFound" ? "the file does not exist" : cause.message
    ])
    return yield* decode(text, { tools: yield* CurrentToolPolicy, loop: yield* CurrentLoopPolicy })
  }).pipe(Effect.mapError((problems) => new PolicyInvalid({ path, problems })))
