/**
 * `config set` and `config unset`: one value in a settings file, whose comments stay.
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import { origins, SettingsText, table, type Setting, type SettingsFile } from "@lms-bridge/core/Settings"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { UsageError } from "../../ExitCode.ts"
import { Screen } from "../../terminal/Screen.ts"
import { fileOf, scope, settingNamed } from "./ConfigTarget.ts"

const key = Args.text({ name: "KEY" }).pipe(Args.withDescription("A setting; `lms-bridge config ls` lists them."))

export const set = Command.make("set", { key, value: Args.text({ name: "VALUE" }), scope }).pipe(
  Command.withDescription("Set a value in your settings file, or in the project's."),
  Command.withHandler(
    Effect.fnUntraced(function* ({ key, scope, value }) {
      const screen = yield* Screen
      const setting = yield* settingNamed(key)
      const file = yield* fileOf(scope)
      const text = yield* changed(file, (text) =>
        SettingsText.withValue(text, key, SettingsText.valueOf(setting, value))
      )
      const wrong = SettingsText.contents(table, { ...file, text: Option.some(text) }).problems
      const [problem] = wrong.filter((problem) => problem.startsWith(`"${key}"`))
      if (problem !== undefined) return yield* new UsageError({ problem })
      yield* write(file.path, text)
      yield* screen.out(`${key} is set in ${file.path}.`)
      const { from } = (yield* origins).find((one) => one.key === key) ?? { from: Option.none() }
      const { formerly, variable }: Setting<unknown> = setting
      if (Option.exists(from, (name) => name === variable || name === formerly)) {
        yield* screen.err(`${Option.getOrThrow(from)} is set in the environment, and overrides it.`)
      }
    })
  )
)

export const unset = Command.make("unset", { key, scope }).pipe(
  Command.withDescription("Remove a value from your settings file, or from the project's."),
  Command.withHandler(
    Effect.fnUntraced(function* ({ key, scope }) {
      const screen = yield* Screen
      const file = yield* fileOf(scope)
      const text = yield* changed(file, (text) => SettingsText.withoutValue(text, key))
      if (text === Option.getOrElse(file.text, () => empty)) {
        return yield* screen.out(`${key} is not in ${file.path}; nothing was changed.`)
      }
      yield* write(file.path, text)
      yield* screen.out(`${key} is removed from ${file.path}.`)
    })
  )
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const empty = "{\n}\n"

const changed = (file: SettingsFile, change: (text: string) => ReturnType<typeof SettingsText.withoutValue>) =>
  Either.mapLeft(
    change(Option.getOrElse(file.text, () => empty)),
    ({ detail, line }) => new UsageError({ problem: `${file.path}, line ${line}: ${detail} Correct it first.` })
  )

/** Through a temporary file, so that it is never half written; a link stays one. Tokens may stand in it. */
const write = Effect.fnUntraced(function* (file: string, text: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  yield* fs.makeDirectory(path.dirname(file), { recursive: true })
  const target = yield* Effect.orElseSucceed(fs.realPath(file), () => file)
  yield* fs.writeFileString(`${target}.new`, text, { mode: 0o600 })
  yield* fs.rename(`${target}.new`, target)
}, Effect.uninterruptible)
