/**
 * What the `config` commands work on: a setting by its key, and a settings file by its scope.
 */
import * as Options from "@effect/cli/Options"
import { meant, SettingsFiles, table, type Setting, type SettingsFile } from "@lms-bridge/core/Settings"
import * as Effect from "effect/Effect"
import { UsageError } from "../../ExitCode.ts"

export const scope = Options.choice("scope", ["user", "project"]).pipe(
  Options.withDescription("Your own file, or `.lms-bridge/config.json` in the current folder."),
  Options.withDefault("user" as const)
)

export const settingNamed = (key: string): Effect.Effect<Setting<unknown>, UsageError> => {
  const setting = Object.entries<Setting<unknown>>(table).find(([name]) => name === key)?.[1]
  return setting === undefined
    ? new UsageError({
        problem: `"${key}" is not a setting.${meant(table, key)} \`lms-bridge config ls\` lists them.`
      })
    : Effect.succeed(setting)
}

export const fileOf = (scope: "project" | "user"): Effect.Effect<SettingsFile, UsageError> =>
  Effect.flatMap(SettingsFiles, (files) => {
    const file = files.find((one) => one.scope === scope)
    return file === undefined
      ? new UsageError({ problem: "There is no home folder for your settings file: HOME is not set." })
      : Effect.succeed(file)
  })
