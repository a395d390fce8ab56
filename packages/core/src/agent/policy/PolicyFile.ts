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
import { homeFolder } from "../../machine/HomeFolder.ts"
import { writeWhole } from "../../machine/writeWhole.ts"
import { namePattern } from "../../names/namePattern.ts"
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

/** Where the user's policy is, or would be written. */
export interface PolicyPlace {
  readonly path: string
  /** The settings name it, so it has to be there. */
  readonly named: boolean
}

/** The file that the settings name, else `~/.config/lms-bridge/policy.json`; none without a home folder. */
export const place: Effect.Effect<Option.Option<PolicyPlace>, never, Settings> = Effect.gen(function* () {
  const { policyPath } = yield* Settings
  if (Option.isSome(policyPath)) return Option.some({ path: policyPath.value, named: true })
  return Option.map(yield* homeFolder, (home) => ({ path: `${home}/.config/lms-bridge/policy.json`, named: false }))
})

/** The user's policies for a run that starts now; none where there is no file. */
export class UserPolicies extends Context.Reference<UserPolicies>()("@lms-bridge/core/agent/UserPolicies", {
  defaultValue: (): Effect.Effect<Option.Option<Policies>, PolicyInvalid> => Effect.succeedNone
}) {
  /** From the user's file. One that the settings do not name may be missing. */
  static readonly layer: Layer.Layer<UserPolicies, never, FileSystem.FileSystem | Settings> = Layer.effect(
    this,
    Effect.map(Effect.all([FileSystem.FileSystem, place]), ([fs, found]) =>
      Option.match(found, {
        onNone: () => Effect.succeedNone,
        onSome: ({ named, path }) =>
          Effect.if(named ? Effect.succeed(true) : Effect.orElseSucceed(fs.exists(path), () => false), {
            onTrue: () => Effect.asSome(read(fs, path)),
            onFalse: () => Effect.succeedNone
          })
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

/**
 * The text of a policy file with a rule that allows the tool: before the first rule that asks about it, so that what the
 * user refuses before stays refused. Comments stay.
 */
export const withAllowed = (text: string, { server, tool }: Allowed): string => {
  const written: unknown = Jsonc.parse(text, [], { allowTrailingComma: true })
  const { rules = [] } = Either.getOrElse(decodeFile(written), (): PolicyFile => ({}))
  const isAbout = (rule: PolicyRule) =>
    (rule.server === undefined || namePattern(rule.server).test(server)) &&
    (rule.tool === undefined || namePattern(rule.tool).test(tool))
  const first = rules.findIndex((rule) => rule.decision === "ask" && isAbout(rule))
  const at = first === -1 ? rules.length : first
  const edits = Jsonc.modify(text, ["rules", at], { server, tool, decision: "allow" } satisfies PolicyRule, {
    isArrayInsertion: true,
    formattingOptions: { insertSpaces: true, tabSize: 2 }
  })
  return Jsonc.applyEdits(text, edits)
}

/** Writes that rule into the user's policy file, which is created if it is missing. */
export const allow = Effect.fnUntraced(function* ({ path }: PolicyPlace, tool: Allowed) {
  const fs = yield* FileSystem.FileSystem
  const failed = (cause: { readonly message: string }) => new PolicyInvalid({ path, problems: [cause.message] })
  const { policyFile } = yield* ByteLimits.CurrentByteLimits
  const exists = yield* Effect.mapError(fs.exists(path), failed)
  // a link stays a link
  const file = exists ? yield* Effect.mapError(fs.realPath(path), failed) : path
  const text = exists ? yield* Effect.mapError(ByteLimits.readText(fs, file, policyFile), failed) : "{}\n"
  const before = { tools: yield* CurrentToolPolicy, loop: yield* CurrentLoopPolicy }
  yield* Effect.mapError(decode(text, before), (problems) => new PolicyInvalid({ path, problems }))
  const folder = path.replace(/[/\\][^/\\]*$/, "")
  if (folder !== path) yield* Effect.mapError(fs.makeDirectory(folder, { recursive: true }), failed)
  yield* Effect.mapError(writeWhole(file, withAllowed(text, tool)), failed)
})

export interface Allowed {
  readonly server: string
  readonly tool: string
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
