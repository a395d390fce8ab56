/** The lock files next to the configurations in use: read when they have changed, written atomically. */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { source as defined } from "../config/DefinedServer.ts"
import type { McpTool } from "../McpTool.ts"
import type { ServerDefinition } from "../config/ServerDefinition.ts"
import { writeWhole } from "../../machine/writeWhole.ts"
import { fromJson } from "../../json/ExactJson.ts"
import * as ToolLock from "./ToolLock.ts"
import { McpLockFailed, McpNotLockable } from "./ToolLockError.ts"

export interface ToolLockFiles {
  /** Whether the server is guarded or its lock cannot be read, at most one second ago. */
  readonly isGuarded: (definition: ServerDefinition) => Effect.Effect<boolean>
  readonly review: (definition: ServerDefinition, tools: ReadonlyArray<McpTool>) => Effect.Effect<ToolLock.ToolReview>
  /** Trusts the tools of a review, exactly as they were reviewed. */
  readonly trust: (review: ToolLock.ToolReview) => Effect.Effect<void, McpLockFailed | McpNotLockable>
  /** Stops guarding the server. */
  readonly release: (review: ToolLock.ToolReview) => Effect.Effect<void, McpLockFailed | McpNotLockable>
  /** Checks the locks of these servers, at most once a second. Returns a new number when anything has changed. */
  readonly freshen: (definitions: ReadonlyArray<ServerDefinition>) => Effect.Effect<number>
  /** What is known of the server's lock without a request to the server; undefined when it is not guarded. */
  readonly known: (definition: ServerDefinition) => ToolLock.LockSummary | undefined
  /** A new number whenever a lock was reread or a review had another result than the one before. */
  readonly edition: Effect.Effect<number>
}

/** `place` is LMS_BRIDGE_MCP_LOCK; without it the lock is `mcp.lock` in the folder of the entry's file. */
export const make = Effect.fnUntraced(function* (options: {
  readonly place: Option.Option<string>
}): Effect.fn.Return<ToolLockFiles, never, FileSystem.FileSystem | Path.Path> {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const known = new Map<string, Known>()
  const reviews = new WeakMap<ServerDefinition, ToolLock.ToolReview>()
  const state = { edition: 0, freshAt: Number.NEGATIVE_INFINITY }
  const oneWriter = yield* Effect.makeSemaphore(1)

  // cached because every call needs it
  const places = new Map<string, string>()
  const placeOf = ({ source }: ServerDefinition): string | undefined => {
    if (source === defined) return undefined
    const known = places.get(source)
    if (known !== undefined) return known
    const place = path.resolve(Option.getOrElse(options.place, () => path.join(path.dirname(source), fileName)))
    places.set(source, place)
    return place
  }

  const load = Effect.fnUntraced(function* (file: string) {
    const text = yield* fs.readFileString(file).pipe(
      Effect.map(Option.some),
      Effect.catchIf(
        (error) => error._tag === "SystemError" && error.reason === "NotFound",
        () => Effect.succeedNone
      ),
      Effect.mapError(({ message }) => new McpLockFailed({ path: file, reason: "NotReadable", detail: `${message}.` }))
    )
    if (Option.isNone(text)) return undefined
    const invalid = (detail: string) => new McpLockFailed({ path: file, reason: "Invalid", detail })
    const lock = yield* Effect.mapError(decode(text.value), (error) => invalid(whatIsWrong(error)))
    // a person reviews the text, so it must be what the hash stands for
    for (const tool of ToolLock.toolsOf(lock)) {
      const { hash } = yield* hashed(tool)
      if (hash !== tool.locked)
        return yield* invalid(`the text of "${tool.name}" of "${tool.server}" is not what its hash stands for.`)
    }
    return lock
  })

  const look = Effect.fnUntraced(function* (file: string, since: number) {
    const before = known.get(file)
    const now = yield* Clock.currentTimeMillis
    if (before !== undefined && now - before.at < since) return before.lock
    const stamp = yield* fs.stat(file).pipe(
      Effect.map(
        (info) => `${Option.getOrUndefined(info.mtime)?.getTime()} ${info.size} ${Option.getOrUndefined(info.ino)}`
      ),
      Effect.orElseSucceed(() => undefined)
    )
    if (before !== undefined && stamp === before.stamp && Either.isRight(before.lock)) {
      known.set(file, { ...before, at: now })
      return before.lock
    }
    const lock = yield* Effect.either(load(file))
    state.edition += 1
    known.set(file, { at: now, stamp, lock })
    return lock
  })

  const lockedIn = (lock: Known["lock"], server: string) =>
    Either.match(lock, {
      onLeft: () => undefined,
      onRight: (found) =>
        found !== undefined && Object.hasOwn(found.servers, server) ? found.servers[server] : undefined
    })

  const reviewed = Effect.fn("ToolLockFiles.review")(function* (
    definition: ServerDefinition,
    tools: ReadonlyArray<McpTool>
  ): Effect.fn.Return<ToolLock.ToolReview> {
    const server = definition.name
    const file = placeOf(definition)
    const open = { ...unguarded(server, tools), lock: file }
    if (file === undefined) return open
    const lock = yield* look(file, recently)
    if (Either.isLeft(lock)) {
      const withheld = tools.map((tool) => ({ tool, change: "new" as const, before: undefined }))
      return { ...open, locked: true, tools: [], withheld, problem: lock.left }
    }
    const locked = lockedIn(lock, server)
    if (locked === undefined) return open
    return { ...open, locked: true, ...ToolLock.compare(locked, yield* Effect.forEach(tools, hashed)) }
  })

  const review: ToolLockFiles["review"] = (definition, tools) =>
    Effect.tap(reviewed(definition, tools), (review) =>
      Effect.suspend(() => {
        const before = namesOf(reviews.get(definition))
        reviews.set(definition, review)
        const now = namesOf(review)
        if (before.join("\n") === now.join("\n")) return Effect.void
        state.edition += 1
        return now.length === 0
          ? Effect.void
          : Effect.logInfo("tools are withheld because they differ from what was trusted").pipe(
              Effect.annotateLogs({ server: definition.name, tools: now.join(", ") })
            )
      })
    )

  const change = Effect.fnUntraced(function* (
    { lock: file, server }: ToolLock.ToolReview,
    to: (lock: ToolLock.ToolLock) => Effect.Effect<ToolLock.ToolLock>
  ) {
    if (file === undefined) return yield* new McpNotLockable({ server })
    // changes that others have written meanwhile are kept
    const before = yield* load(file)
    const after = yield* to(before ?? ToolLock.empty)
    yield* writeWhole(file, ToolLock.encode(after), { mode: 0o666 }).pipe(
      Effect.provideService(FileSystem.FileSystem, fs),
      Effect.mapError(({ message }) => new McpLockFailed({ path: file, reason: "NotWritable", detail: `${message}.` }))
    )
    known.delete(file)
    state.freshAt = Number.NEGATIVE_INFINITY
  }, oneWriter.withPermits(1))

  return {
    review,
    isGuarded: (definition) => {
      const file = placeOf(definition)
      return file === undefined
        ? Effect.succeed(false)
        : Effect.map(
            look(file, recently),
            (lock) => Either.isLeft(lock) || lockedIn(lock, definition.name) !== undefined
          )
    },
    trust: (reviewed) =>
      change(reviewed, (lock) => {
        const all = [...reviewed.tools, ...reviewed.withheld.map(({ tool }) => tool)]
        return Effect.map(Effect.forEach(all, hashed), (tools) => ToolLock.trust(lock, reviewed.server, tools))
      }),
    release: (reviewed) => change(reviewed, (lock) => Effect.succeed(ToolLock.release(lock, reviewed.server))),
    freshen: (definitions) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        if (now - state.freshAt < recently) return Effect.succeed(state.edition)
        state.freshAt = now
        const files = new Set(definitions.flatMap((definition) => placeOf(definition) ?? []))
        return Effect.map(
          Effect.forEach(files, (file) => look(file, recently)),
          () => state.edition
        )
      }),
    known: (definition) => {
      const file = placeOf(definition)
      const lock = file === undefined ? undefined : known.get(file)?.lock
      if (file === undefined || lock === undefined) return undefined
      const withheld = namesOf(reviews.get(definition))
      if (Either.isLeft(lock)) return { path: file, trusted: 0, withheld, problem: lock.left.message }
      const locked = lockedIn(lock, definition.name)
      return locked === undefined ? undefined : { path: file, trusted: Object.keys(locked.tools).length, withheld }
    },
    edition: Effect.sync(() => state.edition)
  }
})

/** The review of a server without a lock. */
export const unguarded = (server: string, tools: ReadonlyArray<McpTool>): ToolLock.ToolReview => ({
  server,
  lock: undefined,
  locked: false,
  tools,
  withheld: [],
  removed: [],
  problem: undefined
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Known {
  /** When it was checked, in epoch milliseconds. */
  readonly at: number
  readonly stamp: string | undefined
  readonly lock: Either.Either<ToolLock.ToolLock | undefined, McpLockFailed>
}

const fileName = "mcp.lock"

const namesOf = (review: ToolLock.ToolReview | undefined): ReadonlyArray<string> =>
  review?.withheld.map(({ tool }) => tool.name) ?? []

/** Milliseconds. */
const recently = 1000

// exact, for a hash is of every digit
const decode = Schema.decode(fromJson(ToolLock.ToolLock))

const whatIsWrong = (error: ParseResult.ParseError) => {
  const [issue] = ParseResult.ArrayFormatter.formatErrorSync(error)
  const where = issue === undefined || issue.path.length === 0 ? "" : `${issue.path.map(String).join(".")}: `
  return `${where}${(issue?.message ?? "it cannot be read").split("\n")[0]}.`
}

const hashes = new WeakMap<McpTool, string>()

/** The hash is cached for each tool object. */
const hashed = (tool: McpTool): Effect.Effect<ToolLock.HashedTool> => {
  const before = hashes.get(tool)
  if (before !== undefined) return Effect.succeed({ tool, hash: before })
  const bytes = new TextEncoder().encode(ToolLock.textOf(tool))
  return Effect.map(
    Effect.promise(() => crypto.subtle.digest("SHA-256", bytes)),
    (digest) => {
      const hash = `sha256-${Encoding.encodeHex(new Uint8Array(digest))}`
      hashes.set(tool, hash)
      return { tool, hash }
    }
  )
}
