/**
 * Every setting of lms-bridge: an environment variable, or a key of a settings file. The values are decoded from this table at
 * start, and the table in the documentation is generated from it.
 */
import * as Array from "effect/Array"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Setting } from "./Setting.ts"
import { SettingsFiles, type Contents, type SettingsFile } from "./SettingsFile.ts"
import { table } from "./SettingsTable.ts"

export { address, baseUrl } from "./ServerAddress.ts"
export type { Setting } from "./Setting.ts"
export { table } from "./SettingsTable.ts"

export type Values = { readonly [K in keyof typeof table]: (typeof table)[K] extends Setting<infer A> ? A : never }

/** Variables and settings files with unusable values. Secret values are never repeated. */
export class SettingsInvalid extends Schema.TaggedError<SettingsInvalid>()("SettingsInvalid", {
  problems: Schema.Array(Schema.Struct({ variable: Schema.String, got: Schema.String, allowed: Schema.String })),
  /** What is wrong with the files, one sentence each. */
  files: Schema.optionalWith(Schema.Array(Schema.String), { default: () => [] })
}) {
  readonly retryable = false
  override get message() {
    const variables = this.problems.map(
      ({ allowed, got, variable }) => `${variable} is "${got}", but must be ${allowed}.`
    )
    return [...variables, ...this.files].join("\n")
  }
}

/** The values when nothing is set. */
export const defaults: Values = Object.fromEntries(
  Object.entries(table).map(([key, { fallback }]) => [key, fallback])
) as Values // the mapped type of `table` itself, which `fromEntries` cannot express

export class Settings extends Context.Tag("@lms-bridge/core/configuration/Settings")<Settings, Values>() {
  /** Reads all variables from the `ConfigProvider`; reports all problems together. */
  static readonly layer: Layer.Layer<Settings, SettingsInvalid> = Layer.effect(
    this,
    Effect.suspend(() => read)
  )
  /** Defaults with changes, for tests and programs that configure in code. */
  static readonly layerWith = (changes: Partial<Values>): Layer.Layer<Settings> =>
    Layer.succeed(this, { ...defaults, ...changes })
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const sources = Effect.flatMap(
  SettingsFiles,
  Effect.forEach((file) => Effect.map(contents(file), (found) => ({ path: file.path, ...found })))
)

const contents = (file: SettingsFile): Effect.Effect<Contents> =>
  Option.isNone(file.text)
    ? Effect.succeed({ values: new Map(), problems: [] })
    : Effect.map(
        Effect.promise(() => import("./SettingsText.ts")),
        (text) => text.contents(table, file)
      )

/** The text of a setting, and whether the environment or which file has it. */
const textOf = (key: string, entry: Setting<unknown>, files: Effect.Effect.Success<typeof sources>) =>
  Effect.map(inVariables(entry), (found) =>
    Option.orElse(found, () =>
      Option.fromIterable(
        files.flatMap(({ path, values }) => {
          const text = values.get(key)
          return text === undefined ? [] : [{ text, from: path }]
        })
      )
    )
  )

/** An empty variable is as unset: configurations of clients and containers often name what they leave out. */
const inVariables = ({ formerly, variable }: Setting<unknown>) =>
  Effect.map(
    Effect.forEach(formerly === undefined ? [variable] : [variable, formerly], (from) =>
      Effect.option(Effect.map(Config.string(from), (text) => ({ text, from })))
    ),
    (found) => Option.firstSomeOf(found.map(Option.filter(({ text }) => text.trim() !== "")))
  )

/** What to warn of: variables that are read under the predecessor's name. */
export const warnings: Effect.Effect<ReadonlyArray<string>> = Effect.map(
  Effect.forEach(Object.values<Setting<unknown>>(table), (entry) =>
    entry.formerly === undefined
      ? Effect.succeedNone
      : Effect.map(inVariables(entry), (found) =>
          Option.map(
            Option.filter(found, ({ from }) => from === entry.formerly),
            ({ from }) => `${from} is an old name, which is still read. Set ${entry.variable} instead.`
          )
        )
  ),
  Array.getSomes
)

/** A setting as it is now. `from`: the variable or the file that has it; none for a default. */
export interface Origin {
  readonly key: string
  readonly value: string
  readonly from: Option.Option<string>
}

/** Where each value comes from, in the order of the table. */
export const origins: Effect.Effect<ReadonlyArray<Origin>> = Effect.flatMap(sources, (files) =>
  Effect.forEach(Object.entries<Setting<unknown>>(table), ([key, entry]) =>
    Effect.map(textOf(key, entry, files), (found) => ({
      key,
      value: Option.match(found, {
        onNone: () => entry.shown,
        onSome: ({ text }) => (entry.secret === true ? "<redacted>" : text)
      }),
      from: Option.map(found, ({ from }) => from)
    }))
  )
)

const read: Effect.Effect<Values, SettingsInvalid> = Effect.gen(function* () {
  const files = yield* sources
  const entries = yield* Effect.forEach(Object.entries<Setting<unknown>>(table), ([key, entry]) =>
    Effect.map(textOf(key, entry, files), (found) => [key, decoded(entry, found)] as const)
  )
  const problems = entries.flatMap(([, result]) => (Either.isLeft(result) ? [result.left] : []))
  const inFiles = files.flatMap((file) => file.problems)
  if (problems.length + inFiles.length > 0) return yield* new SettingsInvalid({ problems, files: inFiles })
  const values = Object.fromEntries(entries.map(([key, result]) => [key, Either.getOrThrow(result)])) as Values // as above
  return yield* withinMaximum(values)
})

const decoded = (entry: Setting<unknown>, found: Option.Option<{ readonly text: string; readonly from: string }>) =>
  Option.match(found, {
    onNone: () => Either.right(entry.fallback),
    onSome: ({ from, text }) =>
      Either.fromOption(entry.decode(text), () => ({
        variable: from === entry.formerly ? from : entry.variable,
        got: entry.secret === true ? "<redacted>" : text.slice(0, 80),
        allowed: entry.allowed
      }))
  })

/** An idle time above the maximum is an error if it was set explicitly; a default is lowered to the maximum. */
const withinMaximum = (values: Values): Either.Either<Values, SettingsInvalid> => {
  const { ttlMaximum } = values
  const allowed = `at most ${table.ttlMaximum.variable}, which is ${Duration.format(ttlMaximum)}`
  const problems = (["ttl", "ttlTemporary"] as const)
    // a default is recognised by identity
    .filter((key) => values[key] !== table[key].fallback && Duration.greaterThan(values[key], ttlMaximum))
    .map((key) => ({ variable: table[key].variable, got: Duration.format(values[key]), allowed }))
  if (problems.length > 0) return Either.left(new SettingsInvalid({ problems }))
  const [ttl, ttlTemporary] = [Duration.min(values.ttl, ttlMaximum), Duration.min(values.ttlTemporary, ttlMaximum)]
  return Either.right({ ...values, ttl, ttlTemporary })
}
