/** Logs go to stderr, never to stdout, as JSON lines or in a readable format. */
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Array from "effect/Array"
import * as Cause from "effect/Cause"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Exporting from "./Exporting.ts"
import * as LogFile from "./LogFile.ts"
import { Settings, table, warnings, type Values } from "../configuration/Settings.ts"

export interface LoggingOptions {
  /** Asked for only where `LMS_BRIDGE_LOG_FILE` is set. */
  readonly fileSystem: Effect.Effect<FileSystem.FileSystem>
  /** Writes to stderr. The console writes where this is not given, and takes several times as long for a line. */
  readonly write?: ((text: string) => void) | undefined
  /** Whether stderr is a terminal; decides the format when the configuration says `auto`. */
  readonly isTerminal: boolean
  /** Whether the readable format may use colours; by default, only on a terminal. */
  readonly colors?: boolean | undefined
  /** The minimum level; overrides `LMS_BRIDGE_LOG_LEVEL`. */
  readonly level?: Values["logLevel"] | undefined
  /** The minimum level when `LMS_BRIDGE_LOG_LEVEL` is not set, for programs whose stderr a person watches. */
  readonly levelWhenUnset?: Values["logLevel"] | undefined
}

/**
 * Replaces the default logger, which writes to stdout. One line per entry with its annotations (`runId`, `requestId`);
 * `Redacted` values stay redacted. Lines go through the current `Console`'s `error`.
 */
export const layer = (options: LoggingOptions): Layer.Layer<never, never, Settings> =>
  Layer.unwrapEffect(
    Effect.gen(function* () {
      const settings = yield* Settings
      const isSet = yield* isLevelSet
      const configured = isSet ? settings.logLevel : (options.levelWhenUnset ?? settings.logLevel)
      const level = levels[options.level ?? configured]
      const onStderr = withoutHandled(from(level, loggerFor(settings.logFormat, options)))
      // in sequence: merged layers are built and closed concurrently, and closing would lose the old logger
      const warned = Layer.effectDiscard(
        Effect.flatMap(
          warnings,
          Effect.forEach((text) => Effect.logWarning(text))
        )
      )
      const screen = Layer.provideMerge(warned, Logger.replace(Logger.defaultLogger, onStderr))
      const { logFile } = settings
      // a file or a collector is for later, and so has what the configuration says whoever watches now
      const inFile = levels[options.level ?? settings.logLevel]
      const least = LogLevel.lessThan(inFile, level) ? inFile : level
      if (Option.isNone(logFile)) {
        const isExported = Option.isSome(yield* Exporting.addressOf("logs"))
        return Layer.provideMerge(Logger.minimumLogLevel(isExported ? least : level), screen)
      }
      const file = Effect.flatMap(options.fileSystem, (fs) => LogFile.make(fs, logFile.value, settings.logFileBytes))
      return Logger.minimumLogLevel(least).pipe(
        Layer.provideMerge(Logger.addScoped(Effect.map(file, (logger) => withoutHandled(from(inFile, logger))))),
        Layer.provideMerge(screen)
      )
    })
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const levels: Readonly<Record<Values["logLevel"], LogLevel.LogLevel>> = {
  trace: LogLevel.Trace,
  debug: LogLevel.Debug,
  info: LogLevel.Info,
  warning: LogLevel.Warning,
  error: LogLevel.Error,
  none: LogLevel.None
}

/** Only lines of that level and above. */
const from = (level: LogLevel.LogLevel, logger: Logger.Logger<unknown, void>): Logger.Logger<unknown, void> =>
  Logger.filterLogLevel(logger, (of) => LogLevel.greaterThanEqual(of, level)).pipe(Logger.map(() => undefined))

const loggerFor = (
  format: Values["logFormat"],
  { colors, isTerminal, write }: LoggingOptions
): Logger.Logger<unknown, void> => {
  if (format === "pretty" || (format === "auto" && isTerminal)) {
    return Logger.prettyLogger({ stderr: true, mode: "tty", colors: colors ?? isTerminal })
  }
  return write === undefined
    ? Logger.withConsoleError(Logger.jsonLogger)
    : Logger.map(Logger.jsonLogger, (line) => write(`${line}\n`))
}

/**
 * Effect logs every fiber that fails at debug level, with a stack trace, even if another fiber awaits it. Here failures are
 * values, handled by the fiber that joins; only defects stay in the log.
 */
const withoutHandled = (logger: Logger.Logger<unknown, void>): Logger.Logger<unknown, void> =>
  Logger.make((entry) => {
    const [first] = Array.ensure(entry.message)
    if (first === "Fiber terminated with an unhandled error" && Option.isNone(Cause.dieOption(entry.cause))) return
    logger.log(entry)
  })

const isLevelSet = Config.string(table.logLevel.variable).pipe(
  Config.option,
  Effect.map(Option.isSome),
  Effect.orElseSucceed(() => false)
)
