/** The files with the user's MCP servers, read again only when a file has changed. */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import type * as ConfigProvider from "effect/ConfigProvider"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SynchronizedRef from "effect/SynchronizedRef"
import { optional, present } from "../../schema/Fields.ts"
import { CurrentOperatingSystem } from "../../machine/OperatingSystem.ts"
import * as ChildEnvironment from "../transport/ChildEnvironment.ts"
import * as EnvFiles from "./EnvFiles.ts"
import * as ConfigChange from "./ConfigChange.ts"
import * as ConfigFile from "./ConfigFile.ts"
import * as ConfigPlaces from "./ConfigPlaces.ts"
import * as ConfigWatch from "./ConfigWatch.ts"
import { CurrentSecrets, type DefinedServer, source } from "./DefinedServer.ts"
import * as Itself from "./SelfReference.ts"
import type * as McpConfig from "./McpConfig.ts"
import { McpConfigInvalid } from "../McpError.ts"
import * as ServerDefinition from "./ServerDefinition.ts"

/** A place where a configuration was looked for. */
export const ConfigCandidate = Schema.Struct({
  path: Schema.String,
  origin: ConfigPlaces.Origin,
  exists: Schema.Boolean,
  used: Schema.Boolean,
  /** The entries in it, usable or not, used or not. Absent when there is nothing to read. */
  entries: optional(Schema.Array(Schema.Struct({ name: Schema.String, line: Schema.Int }))),
  /** What is wrong with the file, and what is used instead, in sentences. */
  problem: optional(Schema.String)
})
export type ConfigCandidate = typeof ConfigCandidate.Type

export interface Configuration {
  /** The first file in use; undefined when there is none. */
  readonly path: string | undefined
  /** By name. A server whose entry has not changed is the same object as before. */
  readonly servers: ServerDefinition.ServersByName
  /** By name, the entries with that name that are not used because an earlier file has it. */
  readonly shadowed: ReadonlyMap<string, ReadonlyArray<ServerDefinition.ServerDefinition>>
  /** What is wrong with files, and what is used instead, in sentences. */
  readonly problems: ReadonlyArray<string>
  /** Incremented by every change, so that a consumer can tell at once whether anything is new. */
  readonly version: number
}

export interface McpConfigFiles {
  readonly candidates: Effect.Effect<ReadonlyArray<ConfigCandidate>>
  /**
   * The configuration as it is now. If nothing has changed, it costs one `stat` per place, and not even that while the
   * files are watched; then they are checked once a second, because not every disk reports changes.
   */
  readonly current: Effect.Effect<Configuration, McpConfigInvalid>
  /** At most one second old: for calls in the middle of a run, which come in quick succession. */
  readonly recent: Effect.Effect<Configuration, McpConfigInvalid>
  /** Every change from now on, with a short delay. */
  readonly changes: Stream.Stream<ConfigChange.ConfigChange>
  /** A server that is in no file, defined as if it were. Its variables are looked up in `CurrentSecrets` first. */
  readonly define: (server: DefinedServer) => Effect.Effect<ServerDefinition.ServerDefinition>
  /** Our own environment variables that may be passed on. */
  readonly inherited: Effect.Effect<(name: string) => string | undefined>
  /** How many lms-bridges we run inside. */
  readonly depth: number
}

export const make = Effect.fn("McpConfigFiles.make")(function* (options: {
  /** `MCP_JSON_PATH`. */
  readonly override: Option.Option<string>
  readonly mode?: ConfigPlaces.SourceMode | undefined
  /** The base of relative places; the working directory by default. */
  readonly cwd?: string | undefined
}): Effect.fn.Return<McpConfigFiles, never, FileSystem.FileSystem | Path.Path | Scope.Scope> {
  const fileSystem = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const variable = readVariable(yield* Effect.configProviderWith(Effect.succeed))

  const { mode = "first" } = options
  const cwd = options.cwd ?? path.resolve()
  const home = yield* variable("HOME")
  const userHome = Option.getOrUndefined(Option.isSome(home) ? home : yield* variable("USERPROFILE"))
  const override = Option.getOrUndefined(options.override)
  const places = ConfigPlaces.places(path, {
    mode,
    system: yield* CurrentOperatingSystem,
    override,
    home: userHome,
    cwd,
    appData: Option.getOrUndefined(yield* variable("APPDATA")),
    configHome: Option.getOrUndefined(yield* variable("XDG_CONFIG_HOME")),
    claudeHome: Option.getOrUndefined(yield* variable("CLAUDE_CONFIG_DIR")),
    codexHome: Option.getOrUndefined(yield* variable("CODEX_HOME"))
  })
  const depth =
    Number.parseInt(
      Option.getOrElse(yield* variable(ChildEnvironment.depthVariable), () => "0"),
      10
    ) || 0

  const nested = depth >= ChildEnvironment.maxDepth

  /** Resolves symbolic links, because lms-bridge may have been given another name. */
  const realPaths = (entries: ReadonlyArray<McpConfig.ConfigEntry>) =>
    Effect.map(
      Effect.forEach(new Set(entries.flatMap(Itself.pathsOf)), (file) =>
        Effect.map(
          Effect.orElseSucceed(fileSystem.realPath(file), () => file),
          (real) => [file, real] as const
        )
      ),
      (pairs) => {
        const known = new Map(pairs)
        return (file: string) => known.get(file) ?? file
      }
    )

  const serversOf = Effect.fnUntraced(function* (
    entries: ReadonlyArray<McpConfig.ConfigEntry>,
    before: ServerDefinition.ServersByName | undefined
  ) {
    const environment = yield* snapshot(variable, [...new Set(entries.flatMap(ServerDefinition.variablesOf))])
    const variables = { environment, workspaceFolder: cwd, userHome }
    const real = yield* realPaths(entries)
    const files = yield* EnvFiles.read({ fileSystem, path, cwd }, entries, variables)
    const made = (entry: McpConfig.ConfigEntry): ServerDefinition.ServerDefinition => {
      const server = ServerDefinition.make(entry, { variables, nested, real, envFile: files.of(entry) })
      return places.some((place) => place.onlyByName === true && place.path === entry.source)
        ? { ...server, onlyByName: true }
        : server
    }
    return {
      servers: new Map(
        entries.map((entry) => {
          const server = made(entry)
          const known = before?.get(entry.name)
          return [entry.name, known !== undefined && ServerDefinition.isSame(known, server) ? known : server] as const
        })
      ),
      earlier: new Map(
        entries.flatMap(({ earlier = [], name }) => (earlier.length === 0 ? [] : [[name, earlier.map(made)]]))
      ),
      parts: files.stamps
    }
  })

  const published = yield* PubSub.sliding<ConfigChange.ConfigChange>(16)
  const tell = (change: ConfigChange.ConfigChange) => {
    const names = ConfigChange.names(change)
    return Effect.logInfo("the MCP configuration changed").pipe(
      Effect.annotateLogs(names),
      Effect.when(() => Object.keys(names).length > 0),
      Effect.zipRight(PubSub.publish(published, change))
    )
  }
  const state = yield* SynchronizedRef.make<State>({ files: new Map(), configuration: nothing })

  const update = (touched: boolean) =>
    SynchronizedRef.updateAndGetEffect(
      state,
      Effect.fnUntraced(function* ({ configuration: before, files: known }: State) {
        const found: Array<ConfigFile.ConfigFile> = []
        for (const place of places) {
          const seen = yield* ConfigFile.look(fileSystem, place)
          if (seen === undefined) continue
          const before = known.get(place.path)
          const file = yield* ConfigFile.refresh({ fileSystem, seen, before, touched, folder: cwd, define: serversOf })
          found.push(file)
          // programs create files without servers, so an empty file does not hide the servers of later ones
          if (mode === "first" && !isEmpty(file)) break
        }
        const files = new Map(found.map((file) => [file.place.path, file]))
        const same =
          files.size === known.size && found.every((file) => ConfigFile.isSame(file, known.get(file.place.path)))
        if (same) return { files, configuration: before }
        const configuration = merge(usedOf(found), before.version + 1)
        const change = ConfigChange.between(before, configuration)
        if (before !== nothing && change !== undefined) yield* tell(change)
        return { files, configuration }
      })
    )

  const last: Look = { at: 0, again: false, stale: true, watched: false, configuration: undefined }
  const heard = yield* PubSub.sliding<void>(1)
  const watch = yield* ConfigWatch.make(
    Effect.suspend(() => {
      last.stale = true
      return PubSub.publish(heard, undefined)
    })
  )

  const verified = Effect.gen(function* () {
    const { again, stale } = last
    last.again = true
    // before the check, so that a change during the check triggers another one
    last.stale = false
    last.configuration = undefined
    const { configuration, files } = yield* update(stale)
    if (files.size === 0 && override !== undefined) {
      return yield* new McpConfigInvalid({ path: places[0]?.path ?? override, reason: "NotFound", detail: "" })
    }
    const bad = [...files.values()].find(({ problem, servers }) => problem !== undefined && servers === undefined)
    // one bad file among several does not affect the others
    if (bad?.problem !== undefined && configuration.path === undefined) return yield* bad.problem
    // a command that asks only once, as most do, needs no watch
    if (again) yield* watchAll
    // where there is no file, one will most likely appear in a folder that there is
    last.watched =
      files.size > 0 ? [...files.keys()].every(watch.covers) : places.some((place) => watch.covers(place.path))
    last.at = yield* Clock.currentTimeMillis
    last.configuration = configuration
    return configuration
  })
  const watchAll = watch.cover(places.map((place) => place.path))

  const unless = (mustBeWatched: boolean) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) =>
      last.configuration !== undefined && !last.stale && now - last.at < recently && (last.watched || !mustBeWatched)
        ? Effect.succeed(last.configuration)
        : verified
    )
  const current = unless(true)

  const changes = Stream.unwrapScoped(
    Effect.gen(function* () {
      const told = yield* PubSub.subscribe(published)
      yield* watchAll
      yield* Stream.fromPubSub(heard).pipe(
        // an editor may write a file in several steps
        Stream.debounce(settled),
        Stream.merge(Stream.tick(lookEvery)),
        // a problem with the file is reported to the next caller that needs a server
        Stream.runForEach(() => Effect.either(current)),
        Effect.forkScoped
      )
      return Stream.fromQueue(told)
    })
  )

  const candidates = Effect.gen(function* () {
    const { files } = yield* update(false)
    const inUse = new Set(usedOf([...files.values()]))
    return yield* Effect.forEach(
      places,
      Effect.fnUntraced(function* (place) {
        const file = files.get(place.path)
        const used = file !== undefined && inUse.has(file)
        const seen = file ?? (yield* ConfigFile.look(fileSystem, place))
        const candidate = { ...place, exists: seen !== undefined, used }
        if (seen === undefined) return candidate
        const content = yield* ConfigFile.read(fileSystem, place, cwd)
        const { entries, problem } = content
        const notes = entries === undefined ? [] : content.notes
        const said =
          file === undefined ? (problem?.message ?? ConfigFile.notesOf(place, notes)) : ConfigFile.problemOf(file)
        return {
          ...candidate,
          ...(entries === undefined ? {} : { entries: entries.map(({ line, name }) => ({ name, line: line ?? 1 })) }),
          ...present({ problem: said })
        }
      })
    )
  })

  const define = Effect.fnUntraced(function* ({ name, startMillis, ...settings }: DefinedServer) {
    const entry: McpConfig.ConfigEntry = { name, source, line: undefined, settings: Either.right(settings) }
    const secrets = yield* CurrentSecrets
    const found = yield* snapshot(variable, ServerDefinition.variablesOf(entry))
    const environment = (wanted: string) => {
      const secret = secrets[wanted]
      return secret === undefined ? found(wanted) : Redacted.value(secret)
    }
    const made = ServerDefinition.make(entry, { variables: { environment, workspaceFolder: cwd, userHome }, nested })
    return startMillis === undefined ? made : { ...made, startTimeout: Duration.millis(startMillis) }
  })

  return {
    candidates,
    define,
    current,
    recent: unless(false),
    changes,
    depth,
    inherited: Effect.suspend(() => snapshot(variable, ChildEnvironment.safeNames))
  }
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface State {
  readonly files: ReadonlyMap<string, ConfigFile.ConfigFile>
  readonly configuration: Configuration
}

/** The result of the last check. */
interface Look {
  /** Epoch milliseconds. */
  at: number
  /** There has been a check before. */
  again: boolean
  /** Something has happened to a file since. */
  stale: boolean
  /** Whether a change would be detected. */
  watched: boolean
  configuration: Configuration | undefined
}

const nothing: Configuration = { path: undefined, servers: new Map(), shadowed: new Map(), problems: [], version: 0 }

/** It is valid, and has no servers. */
const isEmpty = ({ problem, servers }: ConfigFile.ConfigFile) => problem === undefined && servers?.size === 0

/** Without the empty files, unless all are empty: then only the first. */
const usedOf = (files: ReadonlyArray<ConfigFile.ConfigFile>) => {
  const filled = files.filter((file) => !isEmpty(file))
  return filled.length === 0 ? files.slice(0, 1) : filled
}

const merge = (files: ReadonlyArray<ConfigFile.ConfigFile>, version: number): Configuration => {
  const servers = new Map<string, ServerDefinition.ServerDefinition>()
  const shadowed = new Map<string, ReadonlyArray<ServerDefinition.ServerDefinition>>()
  const good = files.filter((file) => file.servers !== undefined)
  for (const file of good) {
    for (const [name, server] of file.servers ?? []) {
      const earlier = file.earlier.get(name) ?? []
      const others = servers.has(name) ? [server, ...earlier] : earlier
      if (others.length > 0) shadowed.set(name, [...(shadowed.get(name) ?? []), ...others])
      if (!servers.has(name)) servers.set(name, server)
    }
  }
  return { path: good[0]?.place.path, servers, shadowed, problems: problemsOf(files), version }
}

const problemsOf = (files: ReadonlyArray<ConfigFile.ConfigFile>) =>
  files.flatMap((file) => ConfigFile.problemOf(file) ?? [])

/** Milliseconds. */
const recently = 1000

const settled = "100 millis"

/** For disks that do not report changes, and for folders that did not exist. */
const lookEvery = "5 seconds"

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
