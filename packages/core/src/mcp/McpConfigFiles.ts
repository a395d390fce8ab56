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
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as SynchronizedRef from "effect/SynchronizedRef"
import * as ChildEnvironment from "./ChildEnvironment.ts"
import * as ConfigPlaces from "./ConfigPlaces.ts"
import { CurrentSecrets, type DefinedServer, source } from "./DefinedServer.ts"
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
  /** What is wrong with the file. If it is used all the same, then as it was when it could last be read. */
  readonly problem?: string | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Configuration {
  /** The first file in use; undefined when there is none. */
  readonly path: string | undefined
  /** By name. A server whose entry has not changed is the same object as before. */
  readonly servers: ServersByName
  /** By name, the files whose entry of that name is not used because an earlier file has it. */
  readonly shadowed: ReadonlyMap<string, ReadonlyArray<string>>
  /** Grows with every change, so that a consumer can tell at a glance whether anything is new. */
  readonly version: number
}

/**
 * @since 0.1.0
 * @category models
 */
export type ServersByName = ReadonlyMap<string, ServerDefinition.ServerDefinition>

/**
 * @since 0.1.0
 * @category models
 */
export interface McpConfigFiles {
  readonly candidates: Effect.Effect<ReadonlyArray<ConfigCandidate>>
  /** The configuration as it is now. Costs a `stat` for each place that is looked at when nothing has changed. */
  readonly current: Effect.Effect<Configuration, McpConfigInvalid>
  /** As it was less than a second ago: for calls in the middle of a run, which come in quick succession. */
  readonly recent: Effect.Effect<Configuration, McpConfigInvalid>
  /** A server that is in no file, made as if it were. Its variables are looked up in `CurrentSecrets` first. */
  readonly define: (server: DefinedServer) => Effect.Effect<ServerDefinition.ServerDefinition>
  /** Our own environment variables, as far as they may be handed on. */
  readonly inherited: Effect.Effect<(name: string) => string | undefined>
  /** How many lms-bridges we run beneath. */
  readonly depth: number
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = Effect.fn("McpConfigFiles.make")(function* (options: {
  /** `MCP_JSON_PATH`. */
  readonly override: Option.Option<string>
  readonly mode?: ConfigPlaces.SourceMode | undefined
  /** Where relative places start; the working directory by default. */
  readonly cwd?: string | undefined
}) {
  const fileSystem = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const variable = readVariable(yield* Effect.configProviderWith(Effect.succeed))

  const { mode = "first" } = options
  const cwd = options.cwd ?? path.resolve()
  const home = yield* variable("HOME")
  const userHome = Option.getOrUndefined(Option.isSome(home) ? home : yield* variable("USERPROFILE"))
  const appData = Option.getOrUndefined(yield* variable("APPDATA"))
  const override = Option.getOrUndefined(options.override)
  const places = ConfigPlaces.places(path, { mode, override, home: userHome, cwd, appData })
  const depth =
    Number.parseInt(
      Option.getOrElse(yield* variable(ChildEnvironment.depthVariable), () => "0"),
      10
    ) || 0

  const nested = depth >= ChildEnvironment.maxDepth

  /** What `stat` says of a file; undefined when there is none. */
  const look = (place: string) =>
    fileSystem.stat(place).pipe(
      Effect.map((info): Seen => ({ place, stamp: stampOf(info) })),
      Effect.catchAll((error) =>
        Effect.succeed<Seen | undefined>(isAbsent(error) ? undefined : { place, stamp: undefined })
      )
    )

  const seen = Effect.gen(function* () {
    const found: Array<Seen> = []
    for (const place of places) {
      const one = yield* look(place)
      if (one === undefined) continue
      found.push(one)
      if (mode === "first") break
    }
    return found
  })

  const read = Effect.fnUntraced(function* (place: string, before: ServersByName | undefined) {
    const text = yield* fileSystem
      .readFileString(place)
      .pipe(
        Effect.mapError((error) => new McpConfigInvalid({ path: place, reason: "NotReadable", detail: whyNot(error) }))
      )
    const entries = yield* McpConfig.parse(place, text)
    const environment = yield* snapshot(variable, [...new Set(entries.flatMap(ServerDefinition.variablesOf))])
    const variables = { environment, workspaceFolder: cwd, userHome }
    return new Map(
      entries.map((entry) => {
        const made = ServerDefinition.make(entry, { variables, nested })
        const known = before?.get(entry.name)
        const unchanged =
          known !== undefined && Either.isRight(made.launch) && Equal.equals(known.identity, made.identity)
        return [entry.name, unchanged ? known : made] as const
      })
    )
  })

  const refresh = Effect.fnUntraced(function* ({ place, stamp }: Seen, before: File | undefined) {
    if (before !== undefined && stamp !== undefined && before.stamp === stamp) return before
    const result = yield* Effect.either(read(place, before?.servers))
    if (Either.isRight(result)) return { place, stamp, servers: result.right, problem: undefined }
    const problem = result.left
    // an editor may be in the middle of it: what was good stays in use until the file is good again
    const kept = before?.servers
    if (kept !== undefined && problem.message !== before?.problem?.message) {
      yield* Effect.logWarning(`${problem.message} The last good version stays in use.`)
    }
    // permission may be given without a change that `stat` shows
    return { place, stamp: problem.reason === "NotReadable" ? undefined : stamp, servers: kept, problem }
  })

  const state = yield* SynchronizedRef.make<State>({ files: new Map(), configuration: nothing })
  const checked: { at: number; configuration: Configuration | undefined } = { at: 0, configuration: undefined }

  const update = SynchronizedRef.updateAndGetEffect(
    state,
    Effect.fnUntraced(function* (before: State) {
      const found = yield* seen
      const files: ReadonlyArray<File> = yield* Effect.forEach(found, (one) =>
        refresh(one, before.files.get(one.place))
      )
      const same = files.length === before.files.size && files.every((file) => before.files.get(file.place) === file)
      if (same) return before
      return {
        files: new Map(files.map((file) => [file.place, file])),
        configuration: merge(files, before.configuration.version + 1)
      }
    })
  )

  const current = Effect.gen(function* () {
    const { configuration, files } = yield* update
    if (files.size === 0 && override !== undefined) {
      return yield* new McpConfigInvalid({ path: places[0] ?? override, reason: "NotFound", detail: "" })
    }
    const bad = [...files.values()].find(({ problem, servers }) => problem !== undefined && servers === undefined)
    // one bad file among several harms no other
    if (bad?.problem !== undefined && configuration.path === undefined) return yield* bad.problem
    checked.at = yield* Clock.currentTimeMillis
    checked.configuration = configuration
    return configuration
  })

  const recent = Effect.flatMap(Clock.currentTimeMillis, (now) =>
    checked.configuration !== undefined && now - checked.at < recently ? Effect.succeed(checked.configuration) : current
  )

  const candidates = Effect.gen(function* () {
    const { files } = yield* update
    return yield* Effect.forEach(places, (place) =>
      Effect.map(
        Effect.orElseSucceed(fileSystem.exists(place), () => true),
        (exists): ConfigCandidate => {
          const problem = files.get(place)?.problem?.message
          return { path: place, exists, used: files.has(place), ...(problem === undefined ? {} : { problem }) }
        }
      )
    )
  })

  const define = Effect.fnUntraced(function* ({ name, ...settings }: DefinedServer) {
    const entry: McpConfig.ConfigEntry = { name, source, line: undefined, settings: Either.right(settings) }
    const secrets = yield* CurrentSecrets
    const found = yield* snapshot(variable, ServerDefinition.variablesOf(entry))
    const environment = (wanted: string) => {
      const secret = secrets[wanted]
      return secret === undefined ? found(wanted) : Redacted.value(secret)
    }
    return ServerDefinition.make(entry, { variables: { environment, workspaceFolder: cwd, userHome }, nested })
  })

  return {
    candidates,
    define,
    current,
    recent,
    depth,
    inherited: Effect.suspend(() => snapshot(variable, ChildEnvironment.safeNames))
  } satisfies McpConfigFiles
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** A place where there is something, and how to tell whether it has changed; undefined when that cannot be told. */
interface Seen {
  readonly place: string
  readonly stamp: string | undefined
}

interface File extends Seen {
  /** As it was when it could last be read. */
  readonly servers: ServersByName | undefined
  readonly problem: McpConfigInvalid | undefined
}

interface State {
  readonly files: ReadonlyMap<string, File>
  readonly configuration: Configuration
}

const nothing: Configuration = { path: undefined, servers: new Map(), shadowed: new Map(), version: 0 }

const merge = (files: ReadonlyArray<File>, version: number): Configuration => {
  const servers = new Map<string, ServerDefinition.ServerDefinition>()
  const shadowed = new Map<string, ReadonlyArray<string>>()
  const good = files.filter((file) => file.servers !== undefined)
  for (const file of good) {
    for (const [name, server] of file.servers ?? []) {
      if (servers.has(name)) shadowed.set(name, [...(shadowed.get(name) ?? []), file.place])
      else servers.set(name, server)
    }
  }
  return { path: good[0]?.place, servers, shadowed, version }
}

/** Milliseconds. */
const recently = 1000

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
