// @effect-diagnostics nodeBuiltinImport:off -- read before the platform is there
/**
 * The settings files of this person and of the working folder, read once at start.
 */
import { SettingsFiles } from "@lms-bridge/core/Settings"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { readFileSync } from "node:fs"
import { join } from "node:path"

/**
 * `.lms-bridge/config.json` in the working folder, over `lms-bridge/config.json` in `XDG_CONFIG_HOME`, by default `~/.config`. A
 * file that cannot be read counts as missing.
 */
export const layer: Layer.Layer<SettingsFiles> = Layer.effect(
  SettingsFiles,
  Effect.gen(function* () {
    const configured = yield* folder("XDG_CONFIG_HOME")
    const home = yield* folder("HOME")
    const user = Option.orElse(configured, () => Option.map(home, (path) => join(path, ".config")))
    const own = Option.map(user, (path) => ({ scope: "user" as const, path: join(path, "lms-bridge", "config.json") }))
    const project = { scope: "project" as const, path: join(process.cwd(), ".lms-bridge", "config.json") }
    return yield* Effect.forEach([project, ...Option.toArray(own)], (file) =>
      Effect.map(Effect.option(Effect.try(() => readFileSync(file.path, "utf8"))), (text) => ({ ...file, text }))
    )
  })
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const folder = (variable: string) =>
  Effect.map(
    Effect.option(Config.string(variable)),
    Option.filter((path) => path !== "")
  )
