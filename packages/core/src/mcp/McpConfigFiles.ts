/**
 * Where the user's MCP servers are written down, read again only when a file has changed.
 *
 * @since 0.1.0
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import type * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import { constant } from "effect/Function"
import * as Option from "effect/Option"
import * as SynchronizedRef from "effect/SynchronizedRef"
import * as ChildEnvironment from "./ChildEnvironment.ts"
import * as McpConfig from "./McpConfig.ts"
import { McpConfigInvalid } from "./McpError.ts"
import * as ServerDefinition from "./ServerDefinition.ts"

/**
 * A place where a configuration was looked for, in order.
 *
 * @since 0.1.0
 * @category models
 */
export interface ConfigCandidate {
  readonly path: string
  readonly exists: boolean
  readonly used: boolean
  /** What is wrong with the file, when an earlier version of it is in use because it cannot be read any more. */
  readonly problem?: string | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Configuration {
  /** The file in use; undefined when there is none. */
  readonly path: string | undefined
  /** By name. A server whose entry has not changed is the same object as before. */
  readonly servers: ReadonlyMap<string, ServerDefinition.ServerDefinition>
  /** Grows with every change, so that a consumer can tell at a glance whether anything is new. */
  readonly version: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface McpConfigFiles {
  readonly candidates: Effect.Effect<ReadonlyArray<ConfigCandidate>>
  /** The configuration as it is now. Costs a `stat` for each place up to the file in use when nothing has changed. */
  readonly current: Effect.Effect<Configuration, McpConfigInvalid>
  /** The configuration as it was less than `recently` ago: for calls in the middle of a run, which come in quick succession. */
  readonly recent: Effect.Effect<Configuration, McpConfigInvalid>
  /** Our own environment variables, as far as they may be handed on. */
  readonly inherited: Effect.Effect<(name: string) => string | undefined>
  /** How many lms-bridges we run beneath. */
  readonly depth: number
}

/**
 * The places, first to last: `$MCP_JSON_PATH` alone when it is set, else LM Studio's file, the project's, the user's,
 * and that of the folder above.
 *
 * @since 0.1.0
 * @category constructors
 */
export const searchPlaces = (
  path: Path.Path,
  options: { readonly override: string | undefined; readonly home: string | undefined; readonly cwd: string }
): ReadonlyArray<string> => {
  const { cwd, home, override } = options
  if (override !== undefined) {
    const expanded = /^~(?=$|[\\/])/.test(override) && home !== undefined ? `${home}${override.slice(1)}` : override
    return [path.resolve(cwd, expanded)]
  }
  return [
    ...(home === undefined ? [] : [path.join(home, ".lmstudio", "mcp.json")]),
    path.join(cwd, ".mcp.json"),
    ...(home === undefined ? [] : [path.join(home, ".mcp.json")]),
    path.join(cwd, "..", ".mcp.json")
  ].filter((place, index, places) => places.indexOf(place) === index)
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = Effect.fn("McpConfigFiles.make")(function* (options: {
  /** `MCP_JSON_PATH`. */
  readonly override: Option.Option<string>
  /** Where relative places start; the working directory by default. */
  readonly cwd?: string | undefined
}) {
  const fileSystem = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const provider = yield* Effect.configProviderWith(Effect.succeed)
  const variable = readVariable(provider)

  const cwd = options.cwd ?? path.resolve()
  const userHome = Option.getOrUndefined(
    Option.orElse(yield* variable("HOME"), constant(yield* variable("USERPROFILE")))
  )
  const override = Option.getOrUndefined(options.override)
  const places = searchPlaces(path, { override, home: userHome, cwd })
  const depth =
    Number.parseInt(
      Option.getOrElse(yield* variable(ChildEnvironment.depthVariable), () => "0"),
      10
    ) || 0

  const state = yield* SynchronizedRef.make<State>({ loaded: undefined, problem: undefined, version: 0 })

  /** The first place that exists, with what `stat` says of it. */
  const locate: Effect.Effect<Located | undefined, McpConfigInvalid> = Effect.gen(function* () {
    for (const place of places) {
      const info = yield* fileSystem.stat(place).pipe(
        Effect.map(Option.some),
        Effect.catchAll((error) =>
          isAbsent(error)
            ? Effect.succeedNone
            : new McpConfigInvalid({ path: place, reason: "NotReadable", detail: whyNot(error) })
        )
      )
      if (Option.isSome(info)) return { place, stamp: stampOf(info.value) }
    }
    if (override === undefined) return undefined
    return yield* new McpConfigInvalid({ path: places[0] ?? override, reason: "NotFound", detail: "" })
  })

  const read = Effect.fnUntraced(function* (place: string, before: Configuration["servers"]) {
    const text = yield* fileSystem
      .readFileString(place)
      .pipe(
        Effect.mapError((error) => new McpConfigInvalid({ path: place, reason: "NotReadable", detail: whyNot(error) }))
      )
    const entries = yield* McpConfig.parse(place, text)
    const names = [...new Set(entries.flatMap(ServerDefinition.variablesOf))]
    const environment = yield* snapshot(variable, names)
    const variables = { environment, workspaceFolder: cwd, userHome }
    const nested = depth >= ChildEnvironment.maxDepth
    return new Map(
      entries.map((entry) => {
        const made = ServerDefinition.make(entry, { variables, nested })
        const known = before.get(entry.name)
        const unchanged =
          known !== undefined &&
          Either.isRight(made.launch) &&
          known.source === made.source &&
          Equal.equals(known.identity, made.identity)
        return [entry.name, unchanged ? known : made] as const
      })
    )
  })

  const checked: { at: number; configuration: Configuration | undefined } = { at: 0, configuration: undefined }
  const current = SynchronizedRef.modifyEffect(
    state,
    Effect.fnUntraced(function* (before: State): Effect.fn.Return<readonly [Configuration, State], McpConfigInvalid> {
      const located = yield* locate
      if (located === undefined) {
        const version = before.loaded === undefined ? before.version : before.version + 1
        return [
          { path: undefined, servers: new Map(), version },
          { loaded: undefined, problem: undefined, version }
        ]
      }
      const { place, stamp } = located
      const known = before.loaded?.path === place ? before.loaded : undefined
      if (known !== undefined && known.stamp === stamp) return [known, before]

      const result = yield* Effect.either(read(place, before.loaded?.servers ?? new Map()))
      if (Either.isRight(result)) {
        const version = before.version + 1
        const loaded = { path: place, stamp, servers: result.right, version }
        return [loaded, { loaded, problem: undefined, version }]
      }
      // an editor may be in the middle of it: what was good stays in use until the file is good again
      if (known === undefined) return yield* result.left
      yield* Effect.logWarning(`${result.left.message} The last good version stays in use.`)
      const kept = { ...known, stamp }
      return [kept, { loaded: kept, problem: result.left.message, version: before.version }]
    })
  ).pipe(
    Effect.tap((configuration) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        checked.at = now
        checked.configuration = configuration
      })
    )
  )

  const recent = Effect.flatMap(Clock.currentTimeMillis, (now) =>
    checked.configuration !== undefined && now - checked.at < recently ? Effect.succeed(checked.configuration) : current
  )

  const candidates = Effect.gen(function* () {
    const used = yield* current.pipe(
      Effect.map((configuration) => configuration.path),
      Effect.catchAll((error) => Effect.succeed(error.path))
    )
    const { problem } = yield* SynchronizedRef.get(state)
    return yield* Effect.forEach(places, (place) =>
      Effect.map(
        Effect.orElseSucceed(fileSystem.exists(place), () => true),
        (exists): ConfigCandidate => ({
          path: place,
          exists,
          used: exists && place === used,
          ...(place === used && problem !== undefined ? { problem } : {})
        })
      )
    )
  })

  return {
    candidates,
    current,
    recent,
    depth,
    inherited: Effect.suspend(() => snapshot(variable, ChildEnvironment.safeNames))
  } satisfies McpConfigFiles
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Milliseconds. */
const recently = 1000

interface State {
  readonly loaded: (Configuration & { readonly stamp: string }) | undefined
  readonly problem: string | undefined
  readonly version: number
}

interface Located {
  readonly place: string
  readonly stamp: string
}

type ReadVariable = (name: string) => Effect.Effect<Option.Option<string>>

const readVariable =
  (provider: ConfigProvider.ConfigProvider): ReadVariable =>
  (name) =>
    provider.load(Config.string(name)).pipe(Effect.option)

const snapshot = (variable: ReadVariable, names: ReadonlyArray<string>) =>
  Effect.map(
    Effect.forEach(names, (name) => Effect.map(variable(name), (value) => [name, value] as const)),
    (pairs) => {
      const values = new Map(pairs)
      return (name: string) => Option.getOrUndefined(values.get(name) ?? Option.none())
    }
  )

/** Changes whenever an editor writes in place or replaces the file by renaming another over it. */
const stampOf = (info: FileSystem.File.Info) =>
  [
    Option.match(info.mtime, { onNone: () => "", onSome: (time) => time.getTime() }),
    info.size,
    Option.getOrElse(info.ino, () => 0)
  ].join(" ")

type PlatformError = Effect.Effect.Error<ReturnType<FileSystem.FileSystem["stat"]>>

const isAbsent = (error: PlatformError) =>
  error._tag === "SystemError" && (error.reason === "NotFound" || /ENOTDIR/.test(error.message))

const whyNot = (error: PlatformError) =>
  error._tag === "SystemError" && error.reason === "PermissionDenied" ? "You may not read it." : error.message
